// Calls of the service, and the stream of its events.
const store = 'presencebridge.token';

// The token is kept by this tab alone and goes into a header: unlike a cookie, no
// other page can make the browser send it.
export const session = {
  get token() { return sessionStorage.getItem(store) || ''; },
  begin(token) { sessionStorage.setItem(store, token); },
  end() { sessionStorage.removeItem(store); },
};

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

function headers(more = {}) {
  return session.token ? { ...more, Authorization: 'Bearer ' + session.token } : more;
}

async function problem(answer) {
  const body = await answer.json().catch(() => ({}));
  return new Problem(answer.status, body.detail || body.title || 'HTTP ' + answer.status);
}

// call gives the answer of a route; anything but success is a Problem.
export async function call(path, method = 'GET') {
  const answer = await fetch(path, { method, headers: headers(), signal: AbortSignal.timeout(30_000), cache: 'no-store' });
  if (!answer.ok) throw await problem(answer);
  return answer.json();
}

// all follows the pages of a list.
export async function all(path, member) {
  const rows = [];
  for (let cursor = ''; ;) {
    const page = await call(path + (cursor ? '&cursor=' + encodeURIComponent(cursor) : ''));
    rows.push(...page[member]);
    if (!page.nextCursor) return rows;
    cursor = page.nextCursor;
  }
}

const silence = 40_000; // the service says something every 15 s

// follow gives every event to f(name, data, id), one after the other, until the stream ends or is stopped, which is an error.
export async function follow(path, lastId, f, stop) {
  let timer = 0;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), silence);
  };
  alive();
  try {
    const answer = await fetch(path, { headers: headers(lastId ? { 'Last-Event-ID': lastId } : {}), signal: stop.signal, cache: 'no-store' });
    if (!answer.ok) throw await problem(answer);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ''; ;) {
      const { value, done } = await reader.read();
      if (done) throw new Problem(0, 'the stream ended');
      alive();
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) await deliver(block, f);
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

async function deliver(block, f) {
  const fields = {};
  for (const line of block.split('\n')) {
    const at = line.indexOf(': ');
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  if (fields.event) await f(fields.event, JSON.parse(fields.data), fields.id);
}
