// Says where each parcel is now; what it cannot read it reports, so that only that record comes again.
export const handler = async (event) => {
  for (const record of event.Records) {
    try {
      const { parcel, place } = record.dynamodb.NewImage;
      console.log(`${parcel.S} is at ${place.S}`);
    } catch (error) {
      console.error(error);
      return { batchItemFailures: [{ itemIdentifier: record.dynamodb.SequenceNumber }] };
    }
  }
  return { batchItemFailures: [] };
};
