// "On the wire": the last messages in both directions, readable, without secrets.

const KEPT = 200;

export class WireLog {
  #total = 0;

  constructor(connection, list, count) {
    connection.addEventListener('wire', ({ detail: { direction, message } }) => {
      if (message.sylkrtc === 'ping') return;
      count.textContent = `(${++this.#total})`;
      const entry = list.appendChild(document.createElement('li'));
      entry.className = direction;
      entry.append(
        Object.assign(document.createElement('b'), { textContent: direction === 'out' ? '→' : '←', ariaLabel: direction === 'out' ? 'sent' : 'received' }),
        Object.assign(document.createElement('code'), { textContent: JSON.stringify(message, shorten) }),
      );
      while (list.children.length > KEPT) list.firstChild.remove();
      list.scrollTop = list.scrollHeight;
    });
  }
}

function shorten(key, value) {
  if (key === 'password') return '…';
  if (key === 'sdp' && typeof value === 'string') return `(${value.split('\r\n').length} lines of SDP)`;
  return value;
}
