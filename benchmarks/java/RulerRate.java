import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import software.amazon.event.ruler.Machine;

/**
 * AWS's event-ruler alone, without a pipe: JSON bytes to the rules that match, in one thread.
 * Arguments: a file of patterns and a file of events, one JSON text a line. Each line on standard input is a number of
 * milliseconds of CPU time; the answer is "events per CPU second, matching events per pass". The time is the matching
 * thread's alone: what the JVM's compiler and collector use beside it is not charged.
 */
public final class RulerRate {
    @SuppressWarnings("deprecation")
    public static void main(String[] args) throws Exception {
        ThreadMXBean clock = ManagementFactory.getThreadMXBean();
        Machine machine = new Machine();
        int number = 0;
        for (String pattern : Files.readAllLines(Path.of(args[0]))) {
            machine.addRule("rule" + number++, pattern);
        }
        List<byte[]> events = new ArrayList<>();
        for (String event : Files.readAllLines(Path.of(args[1]))) {
            events.add(event.getBytes(StandardCharsets.UTF_8));
        }
        BufferedReader asked = new BufferedReader(new InputStreamReader(System.in));
        for (String line = asked.readLine(); line != null; line = asked.readLine()) {
            long length = Long.parseLong(line.trim()) * 1_000_000L;
            long begun = clock.getCurrentThreadCpuTime();
            long done = 0;
            int matching = 0;
            do {
                matching = 0;
                for (byte[] event : events) {
                    if (!machine.rulesForJSONEvent(new String(event, StandardCharsets.UTF_8)).isEmpty()) {
                        matching++;
                    }
                }
                done += events.size();
            } while (clock.getCurrentThreadCpuTime() - begun < length);
            System.out.println(done * 1e9 / (clock.getCurrentThreadCpuTime() - begun) + " " + matching);
        }
    }
}
