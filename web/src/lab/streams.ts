/** The bytes of one TCP connection in each direction. */
export interface Streams {
  toServer: Uint8Array;
  toClient: Uint8Array;
}

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const TCP = 6;
const SYN = 2;

/** Puts the streams of a run together from its capture, by the client's port: packets are there as they were sent, some of them again. */
export function streams(pcap: Uint8Array): Map<number, Streams> {
  const parts = new Map<number, { toServer: Uint8Array[]; toClient: Uint8Array[] }>();
  const view = new DataView(pcap.buffer, pcap.byteOffset, pcap.byteLength);
  const starts = new Map<string, { next: number; waiting: Map<number, Uint8Array> }>();
  for (let at = FILE_HEADER; at + RECORD_HEADER <= pcap.length; ) {
    const length = view.getUint32(at + 8, true);
    const ip = at + RECORD_HEADER;
    at = ip + length;
    const tcp = ip + (view.getUint8(ip) & 15) * 4;
    if (at > pcap.length || view.getUint8(ip + 9) !== TCP) continue;
    const [from, to, sequence] = [view.getUint16(tcp), view.getUint16(tcp + 2), view.getUint32(tcp + 4)];
    const toServer = from > to;
    const port = toServer ? from : to;
    const key = `${port} ${toServer}`;
    if (!parts.has(port)) parts.set(port, { toServer: [], toClient: [] });
    if ((view.getUint8(tcp + 13) & SYN) !== 0) {
      if (!starts.has(key)) starts.set(key, { next: (sequence + 1) >>> 0, waiting: new Map() });
      continue;
    }
    const way = starts.get(key);
    const payload = pcap.subarray(tcp + (view.getUint8(tcp + 12) >> 4) * 4, ip + view.getUint16(ip + 2));
    // Behind by less than half of all numbers is what was there before.
    if (way === undefined || payload.length === 0) continue;
    const old = (way.next - sequence) | 0;
    if (old >= payload.length) continue;
    if (old < 0) {
      way.waiting.set(sequence, payload);
      continue;
    }
    const into = parts.get(port)![toServer ? "toServer" : "toClient"];
    for (let fresh: Uint8Array | undefined = payload.subarray(old); fresh !== undefined; fresh = way.waiting.get(way.next)) {
      into.push(fresh);
      way.next = (way.next + fresh.length) >>> 0;
    }
  }
  return new Map([...parts].map(([port, { toServer, toClient }]) => [port, { toServer: joined(toServer), toClient: joined(toClient) }]));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
