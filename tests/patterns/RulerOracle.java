import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.JsonRuleCompiler;
import software.amazon.event.ruler.Machine;
import software.amazon.event.ruler.MachineComplexityEvaluator;

/**
 * AWS's event-ruler as an oracle. A line {"pattern": text, "event": text, "repeats": boolean} is answered by
 * {"error": text}, or by how many of so many fresh compilations matched, with each of the engine's two finders: it walks
 * the event's structure, or a flat list of its fields. The one argument is the number of compilations.
 * With "repeats" the event is parsed first, so that of repeated keys the last counts.
 */
public final class RulerOracle {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int COMPLEXITY_MAX = 10;
    private static final int ALTERNATIVES_MAX = 1000;

    public static void main(String[] args) throws Exception {
        int compilations = Integer.parseInt(args[0]);
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode asked = JSON.readTree(line);
            out.println(JSON.writeValueAsString(answer(asked, compilations)));
        }
        out.flush();
    }

    private static ObjectNode answer(JsonNode asked, int compilations) {
        ObjectNode answer = JSON.createObjectNode();
        try {
            String pattern = asked.get("pattern").textValue();
            String refusal = refusal(pattern);
            if (refusal != null) {
                return answer.put("error", refusal);
            }
            for (boolean structured : new boolean[] {true, false}) {
                int matched = 0;
                for (int n = 0; n < compilations; n++) {
                    Machine machine = Machine.builder().withStructuredMatching(structured).build();
                    machine.addRule("rule", pattern);
                    matched += matches(machine, asked) ? 1 : 0;
                }
                answer.put(structured ? "structured" : "flat", matched);
            }
        } catch (Exception | StackOverflowError broken) {
            answer.put("error", broken.toString());
        }
        return answer;
    }

    @SuppressWarnings("deprecation")
    private static boolean matches(Machine machine, JsonNode asked) throws Exception {
        String event = asked.get("event").textValue();
        return !(asked.get("repeats").booleanValue() ? machine.rulesForJSONEvent(JSON.readTree(event))
                : machine.rulesForJSONEvent(event)).isEmpty();
    }

    /** The library's refusal, or one of the two that EventBridge adds (P25, P44). */
    @SuppressWarnings("deprecation")
    private static String refusal(String pattern) throws Exception {
        String refusal = JsonRuleCompiler.check(pattern);
        if (refusal != null) {
            return refusal;
        }
        if (JsonRuleCompiler.compile(pattern).size() > ALTERNATIVES_MAX) {
            return "Rule has too many combinations of $or";
        }
        Machine machine = new Machine();
        machine.addRule("rule", pattern);
        int complexity = machine.evaluateComplexity(new MachineComplexityEvaluator(10 * COMPLEXITY_MAX));
        return complexity > COMPLEXITY_MAX ? "Rule is too complex" : null;
    }
}
