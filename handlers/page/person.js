// The facts of one person.
import { el, find, icon } from '/page/dom.js';
import { groupOf, wordOf } from '/page/presence.js';
import { moment, t } from '/page/text.js';

export function open({ p, name }) {
  const u = p.user;
  const state = (x) => el('span', { class: 'presence', 'data-group': groupOf(x) }, icon(groupOf(x)), el('span', {}, `${wordOf(x)} (${x.availability} / ${x.activity})`));
  const facts = [
    ['state', p.availability ? state(p) : t('noState')], ['since', p.observedAt && moment(p.observedAt)],
    ['before', p.previous && state(p.previous)], ['origin', p.origin && t('origin.' + p.origin)], ['freshness', p.freshness && t('fresh.' + p.freshness)],
    ['outOfOffice', p.outOfOffice && t('yes')], ['message', p.statusMessage], ['location', p.workLocation],
    ['mail', u.mail], ['upn', u.userPrincipalName], ['phones', (u.phones || []).join(', ')], ['tenant', p.tenant], ['published', p.publishedAt && moment(p.publishedAt)], ['id', u.id],
  ];
  find('person-title').textContent = name;
  find('person-facts').replaceChildren(...facts.filter(([, value]) => value).flatMap(([key, value]) => [el('dt', {}, t(key)), el('dd', {}, value)]));
  find('person').showModal();
}
