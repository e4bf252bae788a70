// Teams' states: to which group each belongs, and its word.
import { known, t } from '/page/text.js';

const groups = {
  available: 'available', availableidle: 'available', busy: 'busy', busyidle: 'busy', donotdisturb: 'dnd',
  away: 'away', berightback: 'away', offline: 'offline',
};

export const order = ['available', 'busy', 'dnd', 'away', 'offline', 'unknown'];

// groupOf gives the colour and sign. What Graph invents anew is unknown to us and shown with its own word.
export const groupOf = (p) => groups[(p.availability || '').toLowerCase()] || 'unknown';

// wordOf says what somebody does, else whether they are there.
export function wordOf(p) {
  if (!p.availability) return t('noState');
  const keys = [p.activity, p.availability].map((s) => 'is.' + (s || '').toLowerCase());
  return known(keys[0]) ? t(keys[0]) : p.activity || t(keys[1]);
}
