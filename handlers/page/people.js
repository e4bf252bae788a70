// The table of people. Only the rows that can be seen exist, so that thousands stay fluent.
import { el, find, icon, setText } from '/page/dom.js';
import { groupOf, order, wordOf } from '/page/presence.js';
import { moment, number, span, t } from '/page/text.js';

const beyond = 6; // rows that exist above and below what is seen
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const collator = new Intl.Collator(undefined, { sensitivity: 'base', numeric: true });

export const people = new Map(); // by id
const shown = new Map(); // id -> the row element
const chosen = { text: '', group: '', tenant: '', sort: 'name', down: false };
let view = []; // who passes the filter, in order
let height = 44;
let onOpen = () => {};
let planned = 0;
let dirty = false;
let loaded = false; // the list was read once
let unranked = false; // somebody came, or is called otherwise

const nameOf = (u) => u.displayName || u.userPrincipalName || u.mail || u.id;

function entry(p) {
  const u = p.user;
  return {
    p, name: nameOf(u), group: groupOf(p), stale: p.freshness === 'stale', since: Date.parse(p.observedAt || '') || 0,
    text: [nameOf(u), u.mail, u.userPrincipalName, u.id, ...(u.phones || [])].join('\n').toLowerCase(), place: 0,
  };
}

// replace takes the whole list. What came by the stream meanwhile is newer and stays.
export function replace(list) {
  const before = new Map(people);
  loaded = true;
  people.clear();
  for (const p of list) {
    const old = before.get(p.user.id);
    people.set(p.user.id, old && (old.p.publishedAt || '') > (p.publishedAt || '') ? old : entry(p));
  }
  unranked = true;
  change();
}

// took takes a state from the stream.
export function took(p) {
  const old = people.get(p.user.id);
  const e = entry(p);
  people.set(p.user.id, e);
  if (old) e.place = old.place;
  else unranked = true;
  const row = shown.get(p.user.id);
  if (row) {
    fill(row, e);
    if (!calm.matches) row.animate([{ backgroundColor: getComputedStyle(row).getPropertyValue('--soft') }, {}], 1200);
  }
  change();
}

// named takes a change of the directory.
export function named(change_, d) {
  if (change_ === 'removed') people.delete(d.user.id);
  else {
    const old = people.get(d.user.id);
    people.set(d.user.id, entry({ tenantId: d.tenantId, tenant: d.tenant, ...old?.p, user: d.user }));
    unranked = true;
  }
  change();
}

// rank orders by name once, so that sorting costs little with every change.
function rank() {
  unranked = false;
  [...people.values()].sort((a, b) => collator.compare(a.name, b.name)).forEach((e, i) => { e.place = i; });
}

// change is called for whatever may alter the view; many at once make one new view.
function change() {
  dirty = true;
  if (!planned) planned = setTimeout(() => { planned = 0; look(); }, 100);
}

const passes = (e) => (!chosen.group || (chosen.group === 'stale' ? e.stale : e.group === chosen.group))
  && (!chosen.tenant || e.p.tenant === chosen.tenant) && (!chosen.text || e.text.includes(chosen.text));

const sorts = {
  name: (a, b) => a.place - b.place,
  state: (a, b) => order.indexOf(a.group) - order.indexOf(b.group) || a.place - b.place,
  since: (a, b) => b.since - a.since || a.place - b.place,
};

function look() {
  if (dirty) {
    dirty = false;
    if (unranked) rank();
    view = [...people.values()].filter(passes).sort(sorts[chosen.sort]);
    if (chosen.down) view.reverse();
    count();
  }
  draw();
}

function count() {
  const n = Object.fromEntries([...order, 'stale'].map((g) => [g, 0]));
  const tenants = new Set();
  for (const e of people.values()) {
    n[e.group] += 1;
    n.stale += e.stale ? 1 : 0;
    tenants.add(e.p.tenant);
  }
  for (const chip of find('chips').children) {
    const g = chip.dataset.group;
    setText(chip.querySelector('b'), number(n[g]));
    chip.hidden = g !== chosen.group && n[g] === 0;
  }
  offer([...tenants].sort());
  setText(find('count'), people.size === 0 ? (loaded ? t('noPeople') : t('connecting')) : view.length === 0 ? t('nobody') : t('shown', { n: number(view.length), all: number(people.size) }));
  find('people-table').setAttribute('aria-rowcount', view.length + 1);
  document.dispatchEvent(new Event('counted'));
}

export const staleCount = () => [...people.values()].filter((e) => e.stale).length;

// offer lets one choose a tenant, if there are several.
function offer(tenants) {
  const select = find('tenant');
  if (select.options.length === tenants.length + 1) return;
  select.replaceChildren(el('option', { value: '' }, t('allTenants')), ...tenants.map((name) => el('option', { value: name }, name)));
  select.value = chosen.tenant;
  select.hidden = tenants.length < 2;
}

// draw makes the rows that can be seen, and a gap above and below for the others.
function draw() {
  const scroller = find('scroller');
  const body = find('people');
  const first = Math.max(0, Math.floor(scroller.scrollTop / height) - beyond);
  const last = Math.min(view.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + beyond);
  const wanted = view.slice(first, last);
  const ids = new Set(wanted.map((e) => e.p.user.id));
  for (const [id, row] of shown) {
    if (ids.has(id)) continue;
    if (row.contains(document.activeElement)) scroller.focus({ preventScroll: true });
    row.remove();
    shown.delete(id);
  }
  let next = body.firstElementChild.nextElementSibling;
  wanted.forEach((e, i) => {
    let row = shown.get(e.p.user.id);
    if (!row) {
      row = make();
      shown.set(e.p.user.id, row);
      fill(row, e);
    }
    if (row === next) next = next.nextElementSibling;
    else body.insertBefore(row, next);
    row.setAttribute('aria-rowindex', first + i + 2);
  });
  body.firstElementChild.style.height = first * height + 'px';
  body.lastElementChild.style.height = (view.length - last) * height + 'px';
  tick();
}

function make() {
  const row = el('tr', {},
    el('td', {}, el('button', { type: 'button', class: 'who', onclick: () => onOpen(row.entry) }, el('b'), el('small'))),
    el('td', {}, el('div', { class: 'presence' }, icon('unknown'), el('span', {}, el('span'), el('small', { class: 'tight' })))),
    el('td', { class: 'since' }, el('time')), el('td', { class: 'roomy' }), el('td', { class: 'roomy fresh' }));
  return row;
}

function fill(row, e) {
  row.entry = e;
  const [who, state, since, origin, fresh] = row.children;
  const button = who.firstElementChild;
  setText(button.children[0], e.name);
  setText(button.children[1], e.p.user.mail || e.p.user.userPrincipalName || '');
  button.title = t('openPerson', { name: e.name });
  const presence = state.firstElementChild;
  presence.dataset.group = e.group;
  presence.querySelector('use').setAttribute('href', '#i-' + e.group);
  setText(presence.lastElementChild.firstElementChild, wordOf(e.p));
  presence.title = [e.p.availability, e.p.activity].filter(Boolean).join(' / ');
  const time = since.firstElementChild;
  time.dateTime = e.p.observedAt || '';
  time.title = e.since ? moment(e.since) : '';
  row.toggleAttribute('data-stale', e.stale);
  age(row, Date.now());
  setText(origin, e.p.origin ? t('origin.' + e.p.origin) : '');
  setText(fresh, e.p.freshness ? t('fresh.' + e.p.freshness) : '');
}

// age tells since when, in the column of its own and, where that has no place, below the state.
function age(row, now) {
  const text = row.entry.since ? span(now - row.entry.since) : '';
  setText(row.children[2].firstElementChild, text);
  setText(row.querySelector('.tight'), row.entry.stale ? `${text}, ${t('fresh.stale')}` : text);
}

// tick lets the times of the rows that can be seen go on.
export function tick() {
  const now = Date.now();
  for (const row of shown.values()) age(row, now);
}

function sortBy(name) {
  chosen.down = chosen.sort === name && !chosen.down;
  chosen.sort = name;
  for (const th of document.querySelectorAll('th[data-sort]')) {
    if (th.dataset.sort === name) th.setAttribute('aria-sort', chosen.down ? 'descending' : 'ascending');
    else th.removeAttribute('aria-sort');
  }
  again();
}

// again shows the view from its beginning after somebody chose.
function again() {
  dirty = true;
  find('scroller').scrollTop = 0;
  look();
}

// start wires the table; open is called with the person whose row was chosen.
export function start(open) {
  onOpen = open;
  find('people').replaceChildren(el('tr', { class: 'gap', 'aria-hidden': 'true' }, el('td', { colspan: 5 })), el('tr', { class: 'gap', 'aria-hidden': 'true' }, el('td', { colspan: 5 })));
  height = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--row')) || height;
  let frame = 0;
  const soon = () => { frame ||= requestAnimationFrame(() => { frame = 0; draw(); }); };
  find('scroller').addEventListener('scroll', soon, { passive: true });
  new ResizeObserver(soon).observe(find('scroller'));
  find('search').addEventListener('input', (e) => { chosen.text = e.target.value.trim().toLowerCase(); again(); });
  find('tenant').addEventListener('change', (e) => { chosen.tenant = e.target.value; again(); });
  find('chips').replaceChildren(...[...order, 'stale'].map((g) => {
    const chip = el('button', { type: 'button', class: 'chip', 'data-group': g, 'aria-pressed': 'false', hidden: true },
      icon(g === 'stale' ? 'warn' : g), t('group.' + g), el('b'));
    chip.addEventListener('click', () => {
      chosen.group = chosen.group === g ? '' : g;
      for (const c of find('chips').children) c.setAttribute('aria-pressed', String(c.dataset.group === chosen.group));
      again();
    });
    return chip;
  }));
  for (const th of document.querySelectorAll('th[data-sort]')) {
    th.firstElementChild.addEventListener('click', () => sortBy(th.dataset.sort));
  }
  find('people-table').querySelector('th').setAttribute('aria-sort', 'ascending');
  again();
}
