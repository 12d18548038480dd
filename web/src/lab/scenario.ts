/** A scenario as the simulated network takes it; the fields that the page sets. Its defaults come from the module. */
export interface Scenario {
  seed: number;
  client: {
    ssl_mode: string;
    host: string;
    password: string;
    certificate: string;
    tls_version: string | null;
    enable_cleartext_plugin: boolean;
    connect_timeout: number;
  };
  server: { certificate: string | null; tls_version: string | null; require_secure_transport: boolean };
  account: { plugin: string; require: string };
  network: {
    latency_us: number;
    jitter_us: number;
    loss: number;
    duplication: number;
    reordering: number;
    corruption: number;
    cut_at_us: number | null;
  };
  attacker: Record<string, unknown> | null;
  connections: number;
  ladder: boolean;
  pcap: boolean;
}

/** The parts of a scenario that differ from the default, in nested parts. */
export type Change = { [Part in keyof Scenario]?: Scenario[Part] extends object ? Partial<Scenario[Part]> : Scenario[Part] };

export interface Failure {
  code: number;
  sqlstate: string;
  message: string;
  blame: string;
  hint?: string | null;
  log?: string | null;
}

export interface SideResult {
  connected_us?: number | null;
  ended_us: number;
  facts: { tls?: { version: string; cipher: string; group?: string | null; verification: string } | null };
  failure?: Failure | null;
}

export type RungEvent =
  | { kind: "packet"; sent: boolean; sequence: number; length: number; name: string; summary: string; encrypted: boolean }
  | { kind: "record"; sent: boolean; length: number; name: string; encrypted: boolean }
  | { kind: "state"; from: string; to: string }
  | { kind: "note"; text: string };

export interface Run {
  connections: { client: SideResult; server: SideResult; answers: string[] }[];
  ladder: { at_us: number; connection: number; side: "client" | "server" | "attacker"; event: RungEvent }[];
  time_us: number;
  packets: number;
  hash: string;
  intercepted: number[];
}

/** A run with what the page needs besides. */
export interface Played {
  run: Run;
  meanings: string[];
  pcap: Uint8Array;
}

/** The default scenario with a change. */
export function changed(base: Scenario, change: Change): Scenario {
  const scenario = structuredClone(base) as unknown as Record<string, unknown>;
  for (const [part, value] of Object.entries(change)) {
    const old = scenario[part];
    const parts = typeof value === "object" && value !== null && typeof old === "object" && old !== null;
    scenario[part] = parts && part !== "attacker" ? { ...old, ...value } : value;
  }
  return scenario as unknown as Scenario;
}

/** The difference between a scenario and the default, for a link. */
export function difference(base: Scenario, scenario: Scenario): Change {
  const change: Record<string, unknown> = {};
  for (const [part, value] of Object.entries(scenario)) {
    const old = (base as unknown as Record<string, unknown>)[part];
    if (JSON.stringify(old) === JSON.stringify(value)) continue;
    if (typeof value === "object" && value !== null && typeof old === "object" && old !== null && part !== "attacker") {
      const fields = Object.entries(value).filter(([name, field]) => JSON.stringify((old as Record<string, unknown>)[name]) !== JSON.stringify(field));
      change[part] = Object.fromEntries(fields);
    } else {
      change[part] = value;
    }
  }
  return change as Change;
}
