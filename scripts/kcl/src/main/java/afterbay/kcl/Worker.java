package afterbay.kcl;

import com.amazonaws.services.dynamodbv2.streamsadapter.AmazonDynamoDBStreamsAdapterClient;
import com.amazonaws.services.dynamodbv2.streamsadapter.StreamsSchedulerFactory;
import com.amazonaws.services.dynamodbv2.streamsadapter.adapter.DynamoDBStreamsClientRecord;
import com.amazonaws.services.dynamodbv2.streamsadapter.model.DynamoDBStreamsProcessRecordsInput;
import com.amazonaws.services.dynamodbv2.streamsadapter.polling.DynamoDBStreamsPollingConfig;
import com.amazonaws.services.dynamodbv2.streamsadapter.processor.DynamoDBStreamsShardRecordProcessor;
import java.net.URI;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.streams.DynamoDbStreamsClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.PromptScheduler;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.retrieval.RetrievalConfig;

/**
 * Worker ENDPOINT REGION STREAM APPLICATION NAME: reads a table's stream until its standard input ends.
 *
 * <p>A line for each event on standard output, words with a tab between: {@code record SHARD SEQUENCE KEY}, {@code start
 * SHARD}, {@code end SHARD}. Each page is checkpointed once its lines are written.
 */
public final class Worker implements DynamoDBStreamsShardRecordProcessor {
    private String shard;

    public static void main(String[] words) throws Exception {
        URI endpoint = URI.create(words[0]);
        Region region = Region.of(words[1]);
        var anybody = StaticCredentialsProvider.create(AwsBasicCredentials.create("any", "body"));
        var tables = DynamoDbAsyncClient.builder().endpointOverride(endpoint).region(region)
                .credentialsProvider(anybody).httpClientBuilder(NettyNioAsyncHttpClient.builder()).build();
        var streams = DynamoDbStreamsClient.builder().endpointOverride(endpoint).region(region)
                .credentialsProvider(anybody).httpClientBuilder(UrlConnectionHttpClient.builder()).build();
        var unasked = CloudWatchAsyncClient.builder().endpointOverride(endpoint).region(region)
                .credentialsProvider(anybody).build();
        var adapter = new AmazonDynamoDBStreamsAdapterClient(streams, region);
        var oldest = InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON);
        var tracker = StreamsSchedulerFactory.createSingleStreamTracker(words[2], oldest);
        var configs = new ConfigsBuilder(tracker, words[3], adapter, tables, unasked, words[4], Worker::new);

        // All that waits in the library waits less: a test must end.
        var coordinator = configs.coordinatorConfig().parentShardPollIntervalMillis(100L)
                .shardConsumerDispatchPollIntervalMillis(50L).schedulerInitializationBackoffTimeMillis(200L);
        var leases = configs.leaseManagementConfig().failoverTimeMillis(2000L).leaseAssignmentIntervalMillis(500L)
                .shardSyncIntervalMillis(0L).leasesRecoveryAuditorExecutionFrequencyMillis(2000L)
                .listShardsCacheAllowedAgeInSeconds(1L).maxCacheMissesBeforeReload(1);
        leases.workerUtilizationAwareAssignmentConfig().disableWorkerMetrics(true);
        var lifecycle = configs.lifecycleConfig().taskBackoffTimeMillis(100L);
        var metrics = configs.metricsConfig().metricsFactory(new NullMetricsFactory());
        var polling = new DynamoDBStreamsPollingConfig(adapter).idleTimeBetweenReadsInMillis(50);
        RetrievalConfig retrieval = configs.retrievalConfig().retrievalSpecificConfig(polling);

        // Its result is not used: it puts the adapter's parts into the configurations.
        StreamsSchedulerFactory.createScheduler(configs.checkpointConfig(), coordinator, leases, lifecycle, metrics,
                configs.processorConfig(), retrieval, adapter);
        Scheduler scheduler = new PromptScheduler(configs.checkpointConfig(), coordinator, leases, lifecycle, metrics,
                configs.processorConfig(), retrieval);
        Thread running = new Thread(scheduler, "scheduler");
        running.setDaemon(true);
        running.start();
        while (System.in.read() >= 0) {
            continue;
        }
        int status = 1;
        try {
            status = scheduler.startGracefulShutdown().get(20, TimeUnit.SECONDS) ? 0 : 1;
        } catch (TimeoutException late) {
            tell("late", words[4]);
        }
        Runtime.getRuntime().halt(status);
    }

    @Override
    public void initialize(InitializationInput input) {
        shard = input.shardId();
        tell("start", shard);
    }

    @Override
    public void processRecords(DynamoDBStreamsProcessRecordsInput input) {
        for (DynamoDBStreamsClientRecord one : input.records()) {
            var change = one.getRecord().dynamodb();
            tell("record", shard, change.sequenceNumber(), change.keys().get("pk").s());
        }
        if (!input.records().isEmpty()) {
            checkpoint(input.checkpointer());
        }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
        tell("lost", shard);
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
        tell("end", shard);
        checkpoint(input.checkpointer());
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
        checkpoint(input.checkpointer());
    }

    private void checkpoint(RecordProcessorCheckpointer checkpointer) {
        try {
            checkpointer.checkpoint();
        } catch (Exception failure) {
            tell("failed", shard, failure.toString());
        }
    }

    private static synchronized void tell(String... words) {
        System.out.println(String.join("\t", words));
        System.out.flush();
    }
}
