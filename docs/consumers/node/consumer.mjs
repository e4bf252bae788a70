// A small adapter in Node: every change of presence once processed, in order,
// also what happened while it was not running. Copy it and change handle.
//
//   npm ci && NATS_URL=nats://127.0.0.1:4222 node consumer.mjs
import { connect } from "@nats-io/transport-node";
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";

const durable = process.env.DURABLE ?? "node-adapter"; // under this name the server keeps the position
const retryAfter = 1000; // ms, after a failure of handle

// handle gets one event at a time. When it throws, the same event comes again.
async function handle(event) {
  const { user, availability, activity, freshness, observedAt } = event.data;
  console.log(JSON.stringify({ user: user.mail ?? user.id, availability, activity, freshness, observedAt }));
}

// left is told who is no longer watched: forget them.
async function left(tenantId, userId) {
  console.log(JSON.stringify({ user: userId, left: true }));
}

// decode refuses what is not an event of the contract (events.schema.json).
function decode(message) {
  const event = message.json();
  if (event.specversion !== "1.0" || event.type !== "presence.user.changed.v1" || !event.data?.user?.id) {
    throw new Error(`not a user event: ${event.type}`);
  }
  return event;
}

async function processMessage(message) {
  if (message.headers?.get("KV-Operation") === "PURGE") {
    const [tenantId, userId] = message.subject.split(".").slice(3);
    return left(tenantId, userId);
  }
  let event;
  try {
    event = decode(message);
  } catch (err) {
    console.error(`malformed event on ${message.subject}: ${err.message}`);
    message.term("malformed event"); // it would be no better the next time
    return;
  }
  await handle(event);
}

const nc = await connect({ servers: process.env.NATS_URL ?? "nats://127.0.0.1:4222", name: durable, maxReconnectAttempts: -1 });
const manager = await jetstreamManager(nc);
await manager.consumers.add("PRESENCE", {
  durable_name: durable,
  filter_subject: "presence.v1.user.>",
  deliver_policy: DeliverPolicy.All,
  ack_policy: AckPolicy.Explicit,
  max_ack_pending: 1, // one at a time keeps the order when an event must come again
});
const consumer = await jetstream(nc).consumers.get("PRESENCE", durable);
const messages = await consumer.consume({ max_messages: 16 });
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => messages.stop());
}
for await (const message of messages) {
  try {
    await processMessage(message);
    message.ack(); // without effect after term
  } catch (err) {
    console.error(`event ${message.headers?.get("Nats-Msg-Id")} comes again: ${err.message}`);
    message.nak(retryAfter);
  }
}
await nc.drain();
