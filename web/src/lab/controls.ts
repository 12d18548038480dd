import { h } from "../dom.js";
import { changed, type Change, type Scenario } from "./scenario.js";

/** Situations to begin with, and what of the default they change. */
export const SITUATIONS: [string, Change][] = [
  ["All is well", {}],
  ["Server without TLS", { server: { certificate: null } }],
  ["Expired certificate", { server: { certificate: "expired" } }],
  ["Wrong name", { server: { certificate: "wrong-name" } }],
  ["Wrong CA", { server: { certificate: "wrong-ca" } }],
  ["REQUIRE X509, no certificate", { account: { require: "REQUIRE X509" } }],
  ["REQUIRE X509, with one", { account: { require: "REQUIRE X509" }, client: { certificate: "good" } }],
  ["Plaintext, REQUIRE SSL", { account: { require: "REQUIRE SSL" }, client: { ssl_mode: "DISABLED" } }],
  ["Attacker: strip TLS", { attacker: { kind: "strip-ssl" } }],
  ["Attacker: inject plaintext", { attacker: { kind: "inject-after-ssl-request", query: "DROP TABLE staff" } }],
  ["Attacker: swap certificate", { attacker: { kind: "swap-certificate" } }],
  ["Attacker: downgrade TLS", { attacker: { kind: "downgrade-version" } }],
  ["Attacker: cut the line", { attacker: { kind: "cut", toward: "client", at: 600 } }],
  ["Bad line", { network: { latency_us: 40_000, jitter_us: 10_000, loss: 500, reordering: 300, corruption: 100 } }],
];

type Option = [value: string, text: string];

const MODES: Option[] = ["VERIFY_IDENTITY", "VERIFY_CA", "REQUIRED", "PREFERRED", "DISABLED"].map((mode) => [mode, mode]);
const VERSIONS: Option[] = [
  ["", "TLS 1.2 and 1.3"],
  ["TLSv1.3", "TLS 1.3 only"],
  ["TLSv1.2", "TLS 1.2 only"],
];
const SERVER_CERTIFICATES: Option[] = [
  ["good", "good"],
  ["expired", "expired"],
  ["wrong-name", "for another name"],
  ["wrong-ca", "by another CA"],
  ["v1", "X.509 version 1"],
  ["", "none: a server without TLS"],
];
const CLIENT_CERTIFICATES: Option[] = [
  ["none", "none"],
  ["good", "good"],
  ["expired", "expired"],
  ["wrong-ca", "by another CA"],
  ["v1", "X.509 version 1"],
];
const REQUIREMENTS: Option[] = [
  ["", "(nothing)"],
  ["REQUIRE SSL", "REQUIRE SSL"],
  ["REQUIRE X509", "REQUIRE X509"],
  ["REQUIRE SUBJECT '/O=Sealwire/CN=learner'", "REQUIRE SUBJECT, the client's"],
  ["REQUIRE SUBJECT '/O=Sealwire/CN=other'", "REQUIRE SUBJECT, another's"],
  ["REQUIRE CIPHER 'TLS_AES_256_GCM_SHA384'", "REQUIRE CIPHER, AES-256"],
];
const ATTACKERS: Option[] = [
  ["", "nobody"],
  ['{"kind":"strip-ssl"}', "strips the SSL capability"],
  ['{"kind":"inject-after-ssl-request","query":"DROP TABLE staff"}', "injects a query (SSLRequest)"],
  ['{"kind":"inject-after-greeting"}', "injects an OK (greeting)"],
  ['{"kind":"swap-certificate"}', "swaps the certificate"],
  ['{"kind":"downgrade-version"}', "takes TLS 1.3 out"],
  ['{"kind":"ask-clear-password"}', "asks for the clear password"],
  ['{"kind":"cut","toward":"client","at":600}', "cuts the line"],
  ['{"kind":"stall","toward":"client","at":600}', "lets the line hang"],
  ['{"kind":"flip","toward":"server","at":300,"mask":1}', "flips a bit"],
];

/** One control: how it shows a scenario, and what it makes of one. */
interface Control {
  element: HTMLElement;
  show(scenario: Scenario): void;
  read(): Change;
}

/** The form for a simulation's settings. */
export class Controls {
  readonly element: HTMLElement;
  /** Called when anything was changed. */
  onchange: () => void = () => {};
  readonly #controls: Control[];
  readonly #base: Scenario;

  constructor(base: Scenario) {
    this.#base = base;
    const account = [this.#choice("Account", REQUIREMENTS, (s) => s.account.require, (require) => ({ account: { require } }))];
    const client = [
      this.#choice("SSL mode", MODES, (s) => s.client.ssl_mode, (ssl_mode) => ({ client: { ssl_mode } })),
      this.#choice("Certificate", CLIENT_CERTIFICATES, (s) => s.client.certificate, (certificate) => ({ client: { certificate } })),
      this.#choice("Versions", VERSIONS, (s) => s.client.tls_version ?? "", (v) => ({ client: { tls_version: v || null } })),
    ];
    const server = [
      this.#choice("Certificate", SERVER_CERTIFICATES, (s) => s.server.certificate ?? "", (c) => ({ server: { certificate: c || null } })),
      this.#choice("Versions", VERSIONS, (s) => s.server.tls_version ?? "", (v) => ({ server: { tls_version: v || null } })),
    ];
    const attacker = [
      this.#choice(
        "In the middle",
        ATTACKERS,
        (s) => (s.attacker === null || s.attacker === undefined ? "" : attackerText(s.attacker)),
        (text) => ({ attacker: text === "" ? null : (JSON.parse(text) as Record<string, unknown>) }),
      ),
    ];
    const percent = (value: number) => `${(value / 100).toFixed(1)} %`;
    const network = [
      this.#slider("Latency", 200_000, 1000, (s) => s.network.latency_us, (v) => ({ network: { latency_us: v } }), (v) => `${v / 1000} ms`),
      this.#slider("Jitter", 100_000, 1000, (s) => s.network.jitter_us, (v) => ({ network: { jitter_us: v } }), (v) => `${v / 1000} ms`),
      this.#slider("Loss", 3000, 50, (s) => s.network.loss, (v) => ({ network: { loss: v } }), percent),
      this.#slider("Reordering", 3000, 50, (s) => s.network.reordering, (v) => ({ network: { reordering: v } }), percent),
      this.#slider("Duplication", 3000, 50, (s) => s.network.duplication, (v) => ({ network: { duplication: v } }), percent),
      this.#slider("Corruption", 3000, 50, (s) => s.network.corruption, (v) => ({ network: { corruption: v } }), percent),
    ];
    const seed = [this.#seed()];
    const group = (name: string, controls: Control[]) =>
      h("fieldset", {}, h("legend", {}, name), ...controls.map((control) => control.element));
    this.element = h(
      "div",
      { class: "lab-controls" },
      group("Server", [...server, ...account]),
      group("Client", client),
      group("Attacker", attacker),
      group("Network", [...network, ...seed]),
    );
    this.#controls = [...account, ...client, ...server, ...attacker, ...network, ...seed];
    this.show(base);
  }

  show(scenario: Scenario): void {
    for (const control of this.#controls) control.show(scenario);
  }

  /** The scenario as the controls say it. */
  read(): Scenario {
    return this.#controls.reduce((scenario, control) => changed(scenario, control.read()), this.#base);
  }

  #choice(label: string, options: Option[], get: (scenario: Scenario) => string, set: (value: string) => Change): Control {
    const select = h("select", { onchange: () => this.onchange() });
    for (const [value, text] of options) select.append(h("option", { value }, text));
    return {
      element: h("label", { class: "choice" }, h("span", {}, label), select),
      show: (scenario) => {
        const value = get(scenario);
        // A link may say what no option does.
        if (![...select.options].some((option) => option.value === value)) select.append(h("option", { value }, value));
        select.value = value;
      },
      read: () => set(select.value),
    };
  }

  #slider(label: string, max: number, step: number, get: (scenario: Scenario) => number, set: (value: number) => Change, text: (value: number) => string): Control {
    const output = h("output");
    const input = h("input", { type: "range", min: 0, max, step });
    const showValue = () => (output.textContent = text(Number(input.value)));
    input.oninput = showValue;
    input.onchange = () => this.onchange();
    return {
      element: h("label", { class: "slider" }, h("span", {}, label), input, output),
      show: (scenario) => {
        input.value = String(get(scenario));
        showValue();
      },
      read: () => set(Number(input.value)),
    };
  }

  #seed(): Control {
    const input = h("input", { type: "number", min: 0, step: 1, inputMode: "numeric", onchange: () => this.onchange() });
    return {
      element: h("label", { class: "choice" }, h("span", {}, "Seed"), input),
      show: (scenario) => (input.value = String(scenario.seed)),
      read: () => ({ seed: Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, Math.floor(Number(input.value) || 0))) }),
    };
  }
}

/** An attacker as the options write him. */
function attackerText(attacker: Record<string, unknown>): string {
  const text = JSON.stringify(attacker);
  return ATTACKERS.find(([value]) => value === text)?.[0] ?? text;
}
