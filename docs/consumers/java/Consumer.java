// A small adapter in Java 17: every change of presence once processed, in order,
// also what happened while it was not running. Copy it and change handle.
//
//   javac -cp jnats.jar Consumer.java
//   NATS_URL=nats://127.0.0.1:4222 java -cp jnats.jar:. Consumer
//
// jnats is io.nats:jnats, 2.17 or newer. Events are read with the small JSON
// parser that it brings along; take the library that you have instead.

import io.nats.client.Connection;
import io.nats.client.ConsumerContext;
import io.nats.client.IterableConsumer;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.DeliverPolicy;
import io.nats.client.support.JsonParser;
import io.nats.client.support.JsonValue;
import io.nats.client.support.JsonValueUtils;
import java.time.Duration;

public final class Consumer {
    static final String STREAM = "PRESENCE";
    static final String SUBJECTS = "presence.v1.user.>";
    static final String TYPE = "presence.user.changed.v1";
    static final Duration RETRY_AFTER = Duration.ofSeconds(1); // after a failure of handle

    static volatile boolean stopping;

    // handle gets one event at a time. When it throws, the same event comes again.
    static void handle(JsonValue event) throws Exception {
        JsonValue data = JsonValueUtils.readObject(event, "data");
        JsonValue user = JsonValueUtils.readObject(data, "user");
        String who = JsonValueUtils.readString(user, "mail");
        if (who == null) { // absent when the directory has none
            who = JsonValueUtils.readString(user, "id");
        }
        // Compare availability and activity without regard to case, and expect
        // values that you have never seen. freshness is "stale" when the state
        // could not be confirmed.
        print("user", who,
            "availability", JsonValueUtils.readString(data, "availability"),
            "activity", JsonValueUtils.readString(data, "activity"),
            "freshness", JsonValueUtils.readString(data, "freshness"),
            "observedAt", JsonValueUtils.readString(data, "observedAt"));
    }

    // left is told who is no longer watched: forget them.
    static void left(String tenantId, String userId) {
        System.out.println("{\"user\":\"" + userId + "\",\"left\":true}");
        System.out.flush();
    }

    // decode refuses what is not an event of the contract (events.schema.json).
    static JsonValue decode(byte[] body) throws Exception {
        JsonValue event = JsonParser.parse(body);
        JsonValue user = JsonValueUtils.readObject(JsonValueUtils.readObject(event, "data"), "user");
        if (!"1.0".equals(JsonValueUtils.readString(event, "specversion"))
                || !TYPE.equals(JsonValueUtils.readString(event, "type"))
                || JsonValueUtils.readString(user, "id") == null) {
            throw new IllegalArgumentException("not a user event");
        }
        return event;
    }

    static void process(Message message) throws Exception {
        if (message.hasHeaders() && "PURGE".equals(message.getHeaders().getFirst("KV-Operation"))) {
            String[] subject = message.getSubject().split("\\."); // presence.v1.user.<tenantId>.<userId>
            left(subject[3], subject[4]);
            message.ack();
            return;
        }
        JsonValue event;
        try {
            event = decode(message.getData());
        } catch (Exception e) {
            System.err.println("malformed event on " + message.getSubject() + ": " + e.getMessage());
            message.term(); // it would be no better the next time
            return;
        }
        handle(event);
        message.ack(); // after the work, not before
    }

    public static void main(String[] args) throws Exception {
        String durable = env("DURABLE", "java-adapter"); // under this name the server keeps the position
        Options options = Options.builder()
            .server(env("NATS_URL", "nats://127.0.0.1:4222"))
            .connectionName(durable)
            .maxReconnects(-1)
            .build();
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopping = true;
            try {
                main.join(5_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        try (Connection nc = Nats.connect(options)) {
            ConsumerContext consumer = nc.getStreamContext(STREAM).createOrUpdateConsumer(ConsumerConfiguration.builder()
                .durable(durable)
                .filterSubject(SUBJECTS)
                .deliverPolicy(DeliverPolicy.All)
                .ackPolicy(AckPolicy.Explicit)
                .maxAckPending(1) // one at a time keeps the order when an event must come again
                .build());
            try (IterableConsumer messages = consumer.iterate()) {
                while (!stopping) {
                    Message message = messages.nextMessage(Duration.ofMillis(500));
                    if (message == null) { // nothing happened
                        continue;
                    }
                    try {
                        process(message);
                    } catch (Exception e) {
                        System.err.println("event comes again: " + e.getMessage());
                        message.nakWithDelay(RETRY_AFTER);
                    }
                }
            }
        }
    }

    static String env(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    // print writes a line of JSON.
    static void print(String... pairs) {
        StringBuilder line = new StringBuilder("{");
        for (int i = 0; i < pairs.length; i += 2) {
            String value = pairs[i + 1];
            line.append(i == 0 ? "\"" : ",\"").append(pairs[i]).append("\":");
            line.append(value == null ? "null" : "\"" + value.replace("\\", "\\\\").replace("\"", "\\\"") + "\"");
        }
        System.out.println(line.append('}'));
        System.out.flush();
    }
}
