import { cents, shown } from "money";

// Stops at the first record that it cannot read, and reports that one: what is before it is done, the rest comes again.
export const handler = async (event) => {
  for (const { dynamodb } of event.Records) {
    try {
      const [before, after] = [dynamodb.OldImage, dynamodb.NewImage].map((image) => cents(image.total.N));
      if (after > before) console.log(`order ${dynamodb.Keys.order.S} went from ${shown(before)} to ${shown(after)}`);
    } catch (error) {
      console.error(dynamodb.SequenceNumber, error);
      return { batchItemFailures: [{ itemIdentifier: dynamodb.SequenceNumber }] };
    }
  }
  return { batchItemFailures: [] };
};
