// What operators may do: each asks first, then waits for the outcome and says it.
import { call, all, Problem } from '/page/api.js';
import { find } from '/page/dom.js';
import { fromNow, persons, t } from '/page/text.js';

const patience = 120_000;
const lookEvery = 1_000;

let hide = 0;

// notice says something for a while, or until there is something else to say; also to a screen reader.
function notice(text, kind = '', stays = false) {
  const e = find('notice');
  e.dataset.kind = kind;
  e.hidden = false;
  e.textContent = text;
  clearTimeout(hide);
  if (!stays) hide = setTimeout(() => { e.hidden = true; }, 12_000);
}

let answer = () => {}; // of the question that is open

// confirm asks, and gives whether the answer is yes. There is one question at a time.
function confirm(title, text, yes) {
  answer(false);
  const dialog = find('confirm');
  find('confirm-title').textContent = title;
  find('confirm-text').textContent = text;
  find('confirm-yes').textContent = yes;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((done) => { answer = done; });
}

// The browser tells of a close a little later, when the next question may be open already.
find('confirm').addEventListener('close', (e) => { if (!e.target.open) answer(e.target.returnValue === 'yes'); });

const pause = () => new Promise((done) => { setTimeout(done, lookEvery); });

// outcome looks until f gives a text, and says that.
async function outcome(f) {
  for (const end = Date.now() + patience; Date.now() < end; await pause()) {
    const [text, kind] = await f();
    if (text) {
      notice(text, kind);
      return;
    }
  }
  notice(t('noOutcome'), 'bad');
}

async function tried(f) {
  try {
    notice(t('working'), '', true);
    await f();
  } catch (error) {
    if (error instanceof Problem && error.status === 401) throw error;
    notice(t('failed', { why: error.message }), 'bad');
  } finally {
    document.dispatchEvent(new Event('acted'));
  }
}

// ask renews or recreates a subscription.
export async function ask(action, s) {
  const who = s.username || s.account;
  if (!await confirm(t(action + 'Title'), t(action + 'Text', { who }), t(action))) return;
  await tried(async () => {
    const { subscription: before } = await call(`/api/v1/subscriptions/${encodeURIComponent(s.id)}/${action}`, 'POST');
    await outcome(async () => {
      const rows = await all('/api/v1/subscriptions?limit=1000', 'subscriptions');
      const now = rows.find((r) => r.account === before.account && r.tenantId === before.tenantId);
      const later = (r) => Date.parse(r.renewedAt || '') > (Date.parse(before.renewedAt || '') || 0);
      const done = (r) => r && r.id && (action === 'renew' ? r.id === before.id && later(r) : r.id !== before.id && r.renewedAt);
      const other = action === 'recreate' && rows.find((r) => done(r) && later(r) && r.account !== before.account && r.people > 0);
      if (done(now)) return [t(action === 'renew' ? 'renewed' : 'recreated', { when: fromNow(now.expiresAt) })];
      if (other && !rows.some((r) => r.id === before.id)) return [t('recreated', { when: fromNow(other.expiresAt) })];
      if (!now) return [t('gone'), 'bad'];
      if (now.trouble && now.trouble !== before.trouble) return [t('failed', { why: now.trouble }), 'bad'];
      return [''];
    });
  });
}

// sweep reads everybody.
export async function sweep() {
  if (!await confirm(t('sweepTitle'), t('sweepText'), t('yes'))) return;
  await tried(async () => {
    const asked = await call('/api/v1/sweep', 'POST');
    await outcome(async () => {
      const { tenants } = await call('/api/v1/coverage');
      const trouble = tenants.find((c) => c.sweep.trouble);
      if (trouble) return [t('failed', { why: trouble.sweep.trouble }), 'bad'];
      return [tenants.every((c) => c.sweep.waiting === 0) && t('swept', { people: persons(asked.people) })];
    });
  });
}
