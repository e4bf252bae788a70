// The facts of one person, and what happened to them: the answer to "why was this agent not reachable?".
import { call } from '/page/api.js';
import { milliseconds } from '/page/charts.js';
import { el, english, find, icon } from '/page/dom.js';
import { groupOf, wordOf } from '/page/presence.js';
import { clock, moment, number, t } from '/page/text.js';

const shown = 60; // entries of the trail

const state = (x) => el('span', { class: 'presence', 'data-group': groupOf(x) }, icon(groupOf(x)), el('span', {}, `${wordOf(x)} (${x.availability} / ${x.activity})`));

let opened = ''; // whose trail is awaited

export function open({ p, name }) {
  const u = p.user;
  const facts = [
    ['state', p.availability ? state(p) : t('noState')], ['since', p.observedAt && moment(p.observedAt)],
    ['before', p.previous && state(p.previous)], ['origin', p.origin && t('origin.' + p.origin)], ['freshness', p.freshness && t('fresh.' + p.freshness)],
    ['outOfOffice', p.outOfOffice && t('yes')], ['message', p.statusMessage], ['location', p.workLocation],
    ['mail', u.mail], ['upn', u.userPrincipalName], ['phones', (u.phones || []).join(', ')], ['tenant', p.tenant], ['published', p.publishedAt && moment(p.publishedAt)], ['id', u.id],
  ];
  find('person-title').textContent = name;
  find('person-facts').replaceChildren(...facts.filter(([, value]) => value).flatMap(([key, value]) => [el('dt', {}, t(key)), el('dd', {}, value)]));
  find('person-trail').replaceChildren();
  find('person').showModal();
  opened = u.id;
  trail(u.id, p.tenantId);
}

async function trail(id, tenantId) {
  let rows;
  try {
    const told = await call(`/api/v1/trail/${encodeURIComponent(id)}?tenant=${encodeURIComponent(tenantId)}`);
    rows = told.entries.slice(-shown).reverse().map(entry);
    if (rows.length === 0) rows.push(el('li', { class: 'quiet' }, t('trailEmpty', { history: told.history })));
    if (told.truncated || told.entries.length > shown) rows.push(el('li', { class: 'quiet' }, t('trailTruncated')));
    if (told.incomplete) rows.push(el('li', {}, english('span', told.incomplete, { class: 'quiet' })));
  } catch (error) {
    rows = [el('li', { class: 'quiet' }, t('failed', { why: error.message }))];
  }
  if (opened === id) find('person-trail').replaceChildren(...rows);
}

function entry(e) {
  const [what, ...more] = {
    state: () => [state(e), e.origin && t('origin.' + e.origin), e.became && t('became.' + e.became), e.storedMs !== undefined && t('took', { ms: milliseconds(e.storedMs) })],
    decision: () => [t('byRule', { client: e.client, decision: t('decision.' + e.decision), rule: e.rule || number(e.ruleLine || 0) }), e.decidedMs !== undefined && t('decided', { ms: milliseconds(e.decidedMs) })],
    coverage: () => [t('coverageIs', { state: t('sub.' + e.state) }), e.reason && english('span', e.reason)],
    directory: () => [t('change.' + e.change)],
  }[e.kind]();
  if (e.times) more.push(t('times', { n: number(e.times) }));
  return el('li', {}, el('time', { datetime: e.at, title: moment(e.at) }, clock(e.at)), el('div', {}, what,
    el('small', {}, more.filter(Boolean).flatMap((m, i) => (i ? [' · ', m] : [m])))));
}
