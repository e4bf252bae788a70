// Puts the page together: signs in, follows the stream, and looks now and then at what no event tells.
import { all, call, follow, Problem, session } from '/page/api.js';
import { sweep } from '/page/actions.js';
import { el, find } from '/page/dom.js';
import { t, translate } from '/page/text.js';
import * as charts from '/page/charts.js';
import * as overview from '/page/overview.js';
import * as people from '/page/people.js';
import * as person from '/page/person.js';
import * as subscriptions from '/page/subscriptions.js';

const lookEvery = 10_000;
const state = { coverage: [], subscriptions: [], expiries: [], activity: null };
let lastId = '';
let signedIn = null; // resolved when somebody has entered a token

function link(name) {
  find('link').dataset.state = { live: 'live', away: 'away', signedOut: 'away' }[name] || 'wait';
  find('link-text').textContent = t(name);
}

// signIn asks for the token and waits until it is accepted. Whoever asks meanwhile waits for the same.
function signIn() {
  signedIn ||= new Promise((done) => {
    link('signedOut');
    find('signin-text').textContent = t(session.token ? 'signinExpired' : 'signinFirst');
    session.end();
    find('leave').hidden = true;
    find('signin').showModal();
    find('signin-form').onsubmit = async (e) => {
      e.preventDefault();
      session.begin(find('token').value.trim());
      try {
        await call('/api/v1/coverage');
      } catch (error) {
        session.end();
        find('signin-text').textContent = error.status === 401 ? t('signinWrong') : t('failed', { why: error.message });
        find('token').select();
        return;
      }
      find('token').value = '';
      find('signin').close();
      signedIn = null;
      done();
    };
  });
  return signedIn;
}

function show() {
  overview.coverage(state.coverage);
  overview.expiries(state.expiries, state.subscriptions);
  subscriptions.show(state.subscriptions);
  if (state.activity) {
    overview.attention(state);
    figures();
    charts.show(state.activity);
    overview.refused(state.activity.refused);
    find('version').textContent = state.activity.version;
  }
}

function figures() {
  if (state.activity) overview.tiles({ coverage: state.coverage, activity: state.activity, stale: people.staleCount() });
}

// look reads what is small and what no event tells; people come by the stream alone.
async function look() {
  const [coverage, rows, expiries, activity] = await Promise.all([
    call('/api/v1/coverage'), all('/api/v1/subscriptions?limit=1000', 'subscriptions'), call('/api/v1/expiries'), call('/api/v1/activity'),
  ]);
  Object.assign(state, { coverage: coverage.tenants, subscriptions: rows, expiries: expiries.expiries, activity });
  find('leave').hidden = !session.token;
  show();
}

let looking = false;
let lookAgain = false;

// lookNow never runs twice at a time; who asks while it runs gets another look after it.
async function lookNow() {
  lookAgain = true;
  if (looking) return;
  looking = true;
  while (lookAgain) {
    lookAgain = false;
    try {
      await look();
    } catch (error) {
      if (error instanceof Problem && error.status === 401) await signIn();
      // Anything else is told by the link, and passes.
    }
  }
  looking = false;
}

let soon = 0;
const lookSoon = () => { soon ||= setTimeout(() => { soon = 0; lookNow(); }, 300); };

async function received(name, data, id) {
  if (name === 'ready') {
    // After an interruption that the stream cannot bridge, and at first, everything is read.
    if (!lastId || !data.complete) people.replace(await all('/api/v1/presence?limit=5000', 'people'));
    link('live');
  } else if (name === 'presence.user.changed.v1') people.took(data.data);
  else if (name === 'presence.directory.changed.v1') people.named(data.data.change, data.data);
  else lookSoon();
  lastId = id;
}

// A browser has six connections to a service, all tabs together, so only what somebody may look at keeps one.
const restAfter = 60_000;
let stop = new AbortController();
let resting = 0;

function shownOrHidden() {
  clearTimeout(resting);
  if (document.hidden) resting = setTimeout(() => stop.abort(), restAfter);
  else lookNow();
}

// seen waits until the page can be seen.
const seen = () => new Promise((done) => {
  const check = () => { if (!document.hidden) { document.removeEventListener('visibilitychange', check); done(); } };
  document.addEventListener('visibilitychange', check);
  check();
});

// stream follows the events for as long as the page is open.
async function stream() {
  for (let wait = 1_000; ;) {
    await seen();
    const began = Date.now();
    stop = new AbortController();
    try {
      link('connecting');
      await follow('/api/v1/events', lastId, received, stop);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        await signIn();
        lookNow();
        continue;
      }
      link('away');
      if (document.hidden) continue;
    }
    if (Date.now() - began > 30_000) wait = 1_000;
    await new Promise((done) => { setTimeout(done, wait * (0.75 + Math.random() / 2)); });
    wait = Math.min(wait * 2, 15_000);
  }
}

translate();
link('connecting');
find('attention-list').replaceChildren(el('li', {}, '', el('span', {}, t('judging'))));
people.start(person.open);
find('sweep').addEventListener('click', sweep);
find('leave').addEventListener('click', () => { session.end(); location.reload(); });
find('signin').addEventListener('cancel', (e) => e.preventDefault());
document.addEventListener('acted', lookNow);
document.addEventListener('counted', figures);
setInterval(() => { people.tick(); }, 1_000);
setInterval(() => { if (!document.hidden) lookNow(); }, lookEvery);
document.addEventListener('visibilitychange', shownOrHidden);
// A page that the browser keeps for the way back must not keep its connection.
addEventListener('pagehide', () => stop.abort());
addEventListener('pageshow', (e) => { if (e.persisted) location.reload(); });
lookNow();
stream();
