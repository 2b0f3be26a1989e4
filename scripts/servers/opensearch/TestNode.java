import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.index.reindex.ReindexPlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessPlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

/** {@code TestNode FOLDER PORT}: one node on loopback, without security, until the process is told to end. */
final class TestNode extends Node {

    private static final List<Class<? extends Plugin>> PLUGINS =
        List.of(Netty4Plugin.class, PainlessPlugin.class, ReindexPlugin.class);

    /** The constructor that takes plugins off the class path is for subclasses only. */
    private TestNode(Environment environment) {
        super(environment, PLUGINS, false);
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]).toAbsolutePath();
        Settings settings = Settings.builder()
            .put("path.home", folder)
            .put("path.data", folder.resolve("data"))
            .put("path.logs", folder.resolve("logs"))
            .put("cluster.name", "afterbay")
            .put("node.name", "one")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.type", "netty4")
            .put("http.port", arguments[1])
            .put("transport.type", "netty4")
            .put("transport.port", "0")
            // A developer's disk is often fuller than a server's may be; the node would refuse writes.
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            // A test that lets the node forget its deletes does not wait for a clock that ticks five times a second.
            .put("thread_pool.estimated_time_interval", "0ms")
            // Each test makes an index of its own, and none of them is there for long.
            .put("cluster.max_shards_per_node", 10_000)
            .build();
        TestNode node = new TestNode(
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), folder.resolve("config"), () -> "one"));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception failed) {
                failed.printStackTrace();
            }
        }));
        node.start();
        Thread.currentThread().join();
    }
}
