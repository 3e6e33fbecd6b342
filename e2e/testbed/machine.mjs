// What the machine itself did to us: stalls of the processors and datagrams the kernel dropped.
import { existsSync, readFileSync } from 'node:fs';

/** Starts watching; call the result to learn what happened since: `{ stalled (seconds), dropped (datagrams) }`. */
export function watchMachine() {
  const before = reading();
  return () => {
    const after = reading();
    return { stalled: (after.stalled - before.stalled) / 1e6, dropped: after.dropped - before.dropped };
  };
}

function reading() {
  return { stalled: stalledMicroseconds(), dropped: droppedDatagrams() };
}

function stalledMicroseconds() {
  const file = '/proc/pressure/cpu';
  if (!existsSync(file)) return 0;
  return Number(/^some .*total=(\d+)/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
}

function droppedDatagrams() {
  const [names, values] = readFileSync('/proc/net/snmp', 'utf8').split('\n').filter((l) => l.startsWith('Udp:')).map((l) => l.split(' '));
  return Number(values[names.indexOf('RcvbufErrors')]);
}
