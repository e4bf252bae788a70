// The table of subscriptions, with its buttons.
import { el, english, find } from '/page/dom.js';
import { ask } from '/page/actions.js';
import { fromNow, moment, number, t } from '/page/text.js';

const kinds = { healthy: 'good', silent: 'bad', lost: 'bad', failing: 'warn', polled: 'warn' };

let last = '';

export const whoOf = (s) => s.username || (s.account === 'poll' ? t('nobodyCarries') : s.account);

const when = (at) => (at ? el('time', { datetime: at, title: moment(at) }, fromNow(at)) : '–');

function row(s) {
  const button = (action) => el('button', { type: 'button', class: 'button plain small', 'data-action': action, 'data-id': s.id, 'aria-label': `${t(action)}: ${whoOf(s)}`, onclick: () => ask(action, s) }, t(action));
  const about = [s.trouble, s.advice].filter(Boolean).join('; ');
  return [
    el('tr', { role: 'row' },
      el('td', { role: 'cell' }, whoOf(s), el('small', {}, s.tenant)),
      el('td', { role: 'cell' }, el('span', { class: 'badge', 'data-kind': kinds[s.state] }, t('sub.' + s.state))),
      el('td', { role: 'cell', class: 'number', 'data-label': t('people') }, s.people === s.assigned ? number(s.people) : t('carries', { n: number(s.people), all: number(s.assigned) })),
      el('td', { role: 'cell', 'data-label': t('ends') }, when(s.expiresAt)),
      el('td', { role: 'cell', class: 'roomy' }, s.lastDeliveryAt ? when(s.lastDeliveryAt) : s.id ? t('noDelivery') : '–'),
      el('td', { role: 'cell', class: 'acts' }, s.id && [button('renew'), button('recreate')])),
    about && el('tr', { role: 'row', class: 'about' }, el('td', { role: 'cell', colspan: 6, class: 'trouble' }, english('span', about))),
  ];
}

// show draws anew only what differs, and keeps the focus where it was.
export function show(list) {
  const minute = Math.floor(Date.now() / 10_000);
  const text = JSON.stringify(list) + minute;
  if (text === last) return;
  last = text;
  const at = document.activeElement?.dataset;
  const { action, id } = at?.id ? at : {};
  find('subscriptions').replaceChildren(...(list.length === 0
    ? [el('tr', {}, el('td', { colspan: 6, class: 'quiet' }, t('noSubscriptions')))]
    : list.flatMap(row).filter(Boolean)));
  if (id) find('subscriptions').querySelector(`[data-action="${action}"][data-id="${CSS.escape(id)}"]`)?.focus();
}
