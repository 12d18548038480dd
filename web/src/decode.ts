/** The fields of what is not encrypted: MySQL's first packets, TLS's hellos and alerts. */
export type Fields = [name: string, value: string][];

/** MySQL's capability flags, from bit 0 on. */
const CAPABILITIES = [
  ...["LONG_PASSWORD", "FOUND_ROWS", "LONG_FLAG", "CONNECT_WITH_DB", "NO_SCHEMA", "COMPRESS", "ODBC", "LOCAL_FILES"],
  ...["IGNORE_SPACE", "PROTOCOL_41", "INTERACTIVE", "SSL", "IGNORE_SIGPIPE", "TRANSACTIONS", "RESERVED", "SECURE_CONNECTION"],
  ...["MULTI_STATEMENTS", "MULTI_RESULTS", "PS_MULTI_RESULTS", "PLUGIN_AUTH", "CONNECT_ATTRS", "PLUGIN_AUTH_LENENC_CLIENT_DATA"],
  ...["CAN_HANDLE_EXPIRED_PASSWORDS", "SESSION_TRACK", "DEPRECATE_EOF", "OPTIONAL_RESULTSET_METADATA", "ZSTD_COMPRESSION_ALGORITHM"],
  ...["QUERY_ATTRIBUTES", "MULTI_FACTOR_AUTHENTICATION", "CAPABILITY_EXTENSION", "SSL_VERIFY_SERVER_CERT", "REMEMBER_OPTIONS"],
];
const VERSIONS: Record<number, string> = { 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3" };
const SUITES: Record<number, string> = {
  0x00ff: "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
  0x1301: "TLS_AES_128_GCM_SHA256",
  0x1302: "TLS_AES_256_GCM_SHA384",
  0x1303: "TLS_CHACHA20_POLY1305_SHA256",
  0xc02b: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  0xc02c: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  0xc02f: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  0xc030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  0xcca8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
  0xcca9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
};
const GROUPS: Record<number, string> = { 0x17: "secp256r1", 0x18: "secp384r1", 0x19: "secp521r1", 0x1d: "X25519", 0x11ec: "X25519MLKEM768" };
const SIGNATURES: Record<number, string> = {
  0x0401: "rsa_pkcs1_sha256",
  0x0403: "ecdsa_secp256r1_sha256",
  0x0501: "rsa_pkcs1_sha384",
  0x0503: "ecdsa_secp384r1_sha384",
  0x0601: "rsa_pkcs1_sha512",
  0x0603: "ecdsa_secp521r1_sha512",
  0x0804: "rsa_pss_rsae_sha256",
  0x0805: "rsa_pss_rsae_sha384",
  0x0806: "rsa_pss_rsae_sha512",
  0x0807: "ed25519",
};
const ALERTS: Record<number, string> = {
  0: "close_notify",
  10: "unexpected_message",
  20: "bad_record_mac",
  40: "handshake_failure",
  42: "bad_certificate",
  44: "certificate_revoked",
  45: "certificate_expired",
  46: "certificate_unknown",
  48: "unknown_ca",
  50: "decode_error",
  51: "decrypt_error",
  70: "protocol_version",
  71: "insufficient_security",
  80: "internal_error",
  109: "missing_extension",
  116: "certificate_required",
};

/** Reads bytes in their order; one that runs out throws, and what was read before stays. */
class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new RangeError("cut short");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A number as TLS writes it. */
  big(length: number): number {
    return this.take(length).reduce((number, byte) => number * 256 + byte, 0);
  }

  /** A number as MySQL writes it. */
  little(length: number): number {
    return this.take(length).reduceRight((number, byte) => number * 256 + byte, 0);
  }

  /** The next bytes, whose number is in front of them in `length` bytes. */
  vector(length: number): Reader {
    return new Reader(this.take(this.big(length)));
  }

  /** Text up to a zero. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const bytes = this.take((end < 0 ? this.#bytes.length : end) - this.#at);
    if (end >= 0) this.#at++;
    return new TextDecoder().decode(bytes);
  }

  rest(): Uint8Array {
    return this.take(this.left);
  }

  /** All that is left, as numbers of two bytes with their names. */
  names(names: Record<number, string>): string {
    const found: string[] = [];
    while (this.left >= 2) {
      const number = this.big(2);
      found.push(names[number] ?? `0x${number.toString(16).padStart(4, "0")}`);
    }
    return found.join(", ");
  }
}

/** The fields of a message, by its name; empty if the message is encrypted or has no fields of interest. */
export function decode(name: string, bytes: Uint8Array): Fields {
  const fields: Fields = [];
  const decoder = DECODERS[name];
  try {
    decoder?.(new Reader(bytes), fields);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return fields;
}

const DECODERS: Record<string, (reader: Reader, fields: Fields) => void> = {
  HandshakeV10: greeting,
  SSLRequest: request,
  HandshakeResponse41: (reader, fields) => {
    request(reader, fields);
    fields.push(["User", reader.text()]);
  },
  ClientHello: (reader, fields) => {
    hello(reader, fields);
    fields.push(["Cipher suites", reader.vector(2).names(SUITES)]);
    reader.vector(1);
    extensions(reader.vector(2), fields, true);
  },
  ServerHello: (reader, fields) => {
    hello(reader, fields);
    fields.push(["Cipher suite", new Reader(reader.take(2)).names(SUITES)]);
    reader.take(1);
    extensions(reader.vector(2), fields, false);
  },
  Certificate: (reader, fields) => {
    reader.take(9);
    const lengths: string[] = [];
    for (const chain = reader.vector(3); chain.left > 0; ) lengths.push(`${chain.vector(3).left} bytes`);
    fields.push(["Certificates", lengths.join(", ")]);
  },
  Alert: (reader, fields) => {
    reader.take(5);
    // An encrypted one is longer.
    if (reader.left !== 2) return;
    const [level, description] = [reader.big(1), reader.big(1)];
    fields.push(["Level", level === 2 ? "fatal" : "warning"], ["Alert", ALERTS[description] ?? String(description)]);
  },
};

function capabilities(flags: number): string {
  return CAPABILITIES.filter((_, bit) => Math.floor(flags / 2 ** bit) % 2 === 1).join(", ");
}

function greeting(reader: Reader, fields: Fields): void {
  reader.take(4);
  fields.push(["Protocol version", String(reader.little(1))]);
  fields.push(["Server version", reader.text()]);
  fields.push(["Connection id", String(reader.little(4))]);
  reader.take(9);
  const low = reader.little(2);
  fields.push(["Character set", String(reader.little(1))], ["Status flags", `0x${reader.little(2).toString(16).padStart(4, "0")}`]);
  fields.push(["Capabilities", capabilities(low + reader.little(2) * 65_536)]);
  const challenge = reader.little(1);
  reader.take(10 + Math.max(13, challenge - 8));
  fields.push(["Authentication plugin", reader.text()]);
}

function request(reader: Reader, fields: Fields): void {
  reader.take(4);
  fields.push(["Capabilities", capabilities(reader.little(4))]);
  fields.push(["Largest packet", `${reader.little(4).toLocaleString("en")} bytes`], ["Character set", String(reader.little(1))]);
  reader.take(23);
}

function hello(reader: Reader, fields: Fields): void {
  // The record's header, then the message's type and length.
  reader.take(9);
  const version = reader.big(2);
  fields.push(["Legacy version", VERSIONS[version] ?? `0x${version.toString(16)}`]);
  reader.take(32);
  fields.push(["Session id", `${reader.vector(1).left} bytes`]);
}

function extensions(reader: Reader, fields: Fields, fromClient: boolean): void {
  while (reader.left > 0) {
    const kind = reader.big(2);
    const body = reader.vector(2);
    switch (kind) {
      case 0:
        body.take(5);
        fields.push(["Server name", new TextDecoder().decode(body.rest())]);
        break;
      case 10:
        fields.push(["Groups", body.vector(2).names(GROUPS)]);
        break;
      case 13:
        fields.push(["Signature algorithms", body.vector(2).names(SIGNATURES)]);
        break;
      case 16:
        fields.push(["ALPN", new TextDecoder().decode(body.vector(2).vector(1).rest())]);
        break;
      case 35:
        fields.push(["Session ticket", `${body.left} bytes`]);
        break;
      case 41:
        fields.push(["Pre-shared key", fromClient ? "offered: resumes a session" : "taken: the session is resumed"]);
        break;
      case 43:
        fields.push(["Versions", (fromClient ? body.vector(1) : body).names(VERSIONS)]);
        break;
      case 51:
        fields.push(["Key shares", keyShares(fromClient ? body.vector(2) : body)]);
        break;
    }
  }
}

function keyShares(reader: Reader): string {
  const shares: string[] = [];
  while (reader.left >= 2) {
    const group = new Reader(reader.take(2)).names(GROUPS);
    // A server that asks for another group names it without a share.
    shares.push(reader.left >= 2 ? `${group}, ${reader.vector(2).left} bytes` : `${group} is asked for`);
  }
  return shares.join("; ");
}
