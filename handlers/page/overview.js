// What an operator looks at first: what needs attention, the figures, who is covered, what ends, what was refused.
import { el, english, find, icon, svg } from '/page/dom.js';
import { median, milliseconds, perMinute } from '/page/charts.js';
import { date, fromNow, known, number, persons, t } from '/page/text.js';

const day = 86_400_000;

function what(e) {
  return t('kind.' + e.kind, { who: e.username || e.account }) + (e.tenant && !e.username ? ` (${e.tenant})` : '');
}

// troubles lists what somebody should know, worst first.
function troubles({ activity, coverage, subscriptions, expiries }) {
  const list = [];
  const add = (kind, text, ...more) => list.push({ kind, text, more: more.filter(Boolean) });
  for (const [part, why] of Object.entries(activity.notReady || {})) add('bad', t('notReady', { what: part }), why);
  for (const [part, why] of Object.entries(activity.behind || {})) add('warn', t('behind', { what: part }), why);
  for (const s of subscriptions) {
    if (['silent', 'failing', 'lost'].includes(s.state)) {
      add(s.state === 'failing' ? 'warn' : 'bad', t('subscriptionTrouble', { who: s.username || s.account, state: t('sub.' + s.state) }), s.trouble, s.advice);
    }
  }
  for (const c of coverage) {
    const { poll, none } = c.people;
    const about = c.reasons.map((r) => `${r.reason} (${r.people})${r.advice ? ': ' + r.advice : ''}`);
    if (none > 0) add('warn', t('notKnown', { tenant: c.tenant, people: persons(none) }), ...(poll ? [] : about));
    if (poll > 0 && c.mode === 'push') add('warn', t('notPushed', { tenant: c.tenant, people: persons(poll) }), ...about);
    if (c.sweep.trouble) add('bad', t('sweepTrouble', { tenant: c.tenant }), c.sweep.trouble);
  }
  for (const e of expiries) {
    if (!e.due) continue;
    const over = Date.parse(e.ends) < Date.now();
    add(over ? 'bad' : 'warn', t(over ? 'ended' : 'endsSoon', { what: what(e), when: fromNow(e.ends) }), e.advice);
  }
  return list.sort((a, b) => (a.kind === 'bad' ? 0 : 1) - (b.kind === 'bad' ? 0 : 1));
}

export function attention(state) {
  const list = troubles(state);
  find('attention').dataset.state = list.length === 0 ? 'good' : list[0].kind;
  find('attention-list').replaceChildren(...(list.length === 0
    ? [el('li', { 'data-kind': 'good' }, icon('ok'), el('span', {}, t('allWell')))]
    : list.map((x) => el('li', { 'data-kind': x.kind }, icon('warn'), el('span', {}, x.text), x.more.map((m) => english('small', m))))));
}

export function tiles({ coverage, activity, stale }) {
  const sum = (name) => coverage.reduce((n, c) => n + c.people[name], 0);
  const all = sum('assigned');
  const share = (n) => (all ? el('small', {}, ` ${Math.floor((100 * n) / all)} %`) : '');
  const tile = (name, ...value) => el('div', {}, el('dt', {}, name), el('dd', {}, ...value));
  const delay = median(activity);
  find('tiles').replaceChildren(
    tile(t('people'), number(all)), tile(t('pushed'), number(sum('push')), share(sum('push'))), tile(t('polled'), number(sum('poll'))),
    tile(t('stale'), number(Math.max(stale, sum('none')))), tile(t('perMinute'), number(perMinute(activity))), tile(t('delay'), delay ? milliseconds(delay) : '–'));
}

// bar is the picture of a tenant's coverage; its label says the same.
function bar(c) {
  const { assigned, push, poll, none } = c.people;
  const label = t('coverageOf', { tenant: c.tenant, push: number(push), poll: number(poll), none: number(none) });
  let x = 0;
  const parts = [['push', push], ['poll', poll], ['none', none]].filter(([, n]) => n > 0).map(([name, n]) => {
    const width = Math.max(1.2, (100 * n) / assigned);
    const part = svg('rect', { class: name, x, y: 0, width, height: 10 });
    x += width;
    return part;
  });
  return svg('svg', { class: 'bar', viewBox: `0 0 ${Math.max(100, x)} 10`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    svg('rect', { class: 'empty', x: 0, y: 0, width: Math.max(100, x), height: 10 }), parts);
}

const square = (name) => svg('svg', { viewBox: '0 0 10 10', 'aria-hidden': 'true' }, svg('rect', { class: name, width: 10, height: 10, rx: 2 }));

export function coverage(list) {
  find('coverage').replaceChildren(...list.map((c) => {
    const s = c.sweep;
    const read = s.waiting > 0 ? t('reading', { people: persons(s.waiting) }) : s.readAt ? t('lastRead', { when: fromNow(s.readAt) }) : '';
    return el('div', { class: 'tenant' },
      el('p', {}, el('h3', {}, c.tenant), el('span', { class: 'quiet' }, c.mode === 'poll' ? t('onPurpose') + ' · ' + read : read)),
      bar(c),
      el('ul', { class: 'legend' }, [['push', 'pushed'], ['poll', 'polled'], ['none', 'none']].map(([name, text]) => el('li', {}, square(name), `${t(text)} ${number(c.people[name])}`))),
      c.reasons.length > 0 && el('ul', { class: 'why quiet' }, c.reasons.map((r) => english('li', `${r.reason}: ${r.people}`))) || '');
  }));
}

export function expiries(list, subscriptions) {
  const rows = list.map((e) => ({
    kind: e.due ? (Date.parse(e.ends) < Date.now() ? 'bad' : 'warn') : '', name: what(e), at: e.ends,
    when: e.state === 'known' ? (Date.parse(e.ends) - Date.now() > 30 * day ? date(e.ends) : fromNow(e.ends)) : t(e.state === 'never' ? 'never' : 'unknownFact'),
    note: e.byItself ? t('byItself') : '', more: e.state === 'unknown' ? [e.note, e.advice].filter(Boolean).join('; ') : '',
  }));
  const next = subscriptions.filter((s) => s.expiresAt).sort((a, b) => a.expiresAt.localeCompare(b.expiresAt))[0];
  if (next) rows.push({ kind: '', name: t('subscriptionOf', { who: next.username || next.account }), when: fromNow(next.expiresAt), at: next.expiresAt, note: t('byItself') });
  find('expiries').replaceChildren(...(rows.length === 0 ? [el('li', { class: 'quiet' }, t('noExpiries'))] : rows.map((r) => el('li', { 'data-kind': r.kind },
    el('span', {}, r.name), el('b', {}, r.at ? el('time', { datetime: r.at, title: date(r.at) }, r.when) : r.when), r.note && el('small', {}, r.note), r.more && english('small', r.more)))));
}

export function refused(list) {
  if (list.length === 0) {
    find('refused').replaceChildren(el('p', { class: 'quiet' }, t('nothingRefused')));
    return;
  }
  find('refused').replaceChildren(el('table', { class: 'refusals' },
    el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, t('reason')), ['recent', 'total', 'last'].map((c) => el('th', { scope: 'col', class: 'number' }, t(c))))),
    el('tbody', {}, list.slice(0, 12).map((r) => el('tr', {},
      el('td', { title: r.reason }, known('refused.' + r.reason) ? t('refused.' + r.reason) : r.reason), el('td', { class: 'number' }, number(r.recent)),
      el('td', { class: 'number' }, number(r.total)), el('td', { class: 'number' }, fromNow(r.lastAt)))))));
}
