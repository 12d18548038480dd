import type { SslMode } from "sealwire-wasm";
import type { Options } from "../client/messages.js";
import { h } from "../dom.js";
import type { Preset } from "../preset.js";

const MODES: [SslMode, string][] = [
  ["VERIFY_IDENTITY", "VERIFY_IDENTITY: CA and server name"],
  ["VERIFY_CA", "VERIFY_CA: the CA alone"],
  ["REQUIRED", "REQUIRED: encrypted, without verification"],
  ["PREFERRED", "PREFERRED: encrypted where the server can"],
  ["DISABLED", "DISABLED: plaintext, readable by the bridge"],
];

/** A PEM text, by file, by drop or by paste. Kept in this page's memory only. */
function pemField(label: string, hint: string): { element: HTMLElement; input: HTMLTextAreaElement; forget: () => void } {
  const id = `pem-${label.toLowerCase().replaceAll(/\W+/g, "-")}`;
  const input = h("textarea", { id, rows: 3, spellcheck: false, autocomplete: "off", placeholder: "-----BEGIN …", class: "pem" });
  const file = h("input", { type: "file", accept: ".pem,.crt,.cer,.key", hidden: true, "aria-label": `${label}: file` });
  const take = async (files: FileList | null | undefined) => {
    const chosen = files?.[0];
    if (chosen) input.value = await chosen.text();
  };
  file.onchange = () => void take(file.files);
  input.ondragover = (event) => event.preventDefault();
  input.ondrop = (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    void take(event.dataTransfer.files);
  };
  const choose = h("button", { type: "button", class: "quiet", onclick: () => file.click() }, "Choose file…");
  const element = h(
    "div",
    { class: "field" },
    h("div", { class: "field-head" }, h("label", { for: id }, label), choose, file),
    input,
    h("small", {}, hint),
  );
  const forget = () => {
    input.value = "";
    file.value = "";
  };
  return { element, input, forget };
}

function textField(label: string, properties: Record<string, unknown>, hint?: string) {
  const id = `field-${label.toLowerCase().replaceAll(/\W+/g, "-")}`;
  const input = h("input", { id, spellcheck: false, autocapitalize: "none", ...properties });
  const element = h("div", { class: "field" }, h("label", { for: id }, label), input, hint !== undefined && h("small", {}, hint));
  return { element, input };
}

/** The form to connect with. */
export class ConnectForm {
  readonly element: HTMLFormElement;
  /** Called with what was entered. */
  onconnect: (options: Options) => void = () => {};
  /** Called when connecting is given up. */
  oncancel: () => void = () => {};
  readonly #bridge = textField("Bridge", { required: true, inputMode: "url", autocomplete: "url" }, "ws(s)://host:port/tcp/target");
  readonly #token = textField("Token", { autocomplete: "off" }, "If the bridge asks for one");
  readonly #user = textField("User", { required: true, autocomplete: "username" });
  readonly #password = textField("Password", { type: "password", autocomplete: "current-password" });
  readonly #database = textField("Database", { autocomplete: "off" });
  readonly #name = textField("Server name", { autocomplete: "off" }, "What the certificate must be for");
  readonly #fingerprint = textField(
    "Fingerprint",
    { autocomplete: "off" },
    "SHA-256 of the server's certificate: replaces CA and name",
  );
  readonly #ca = pemField("CA certificate", "The CA that issued the server's certificate");
  readonly #cert = pemField("Client certificate", "For accounts that REQUIRE X509");
  readonly #key = pemField("Client key", "Stays in this page, until the connection is made");
  readonly #mode = h("select", { id: "field-mode" });
  /** A note on the parts of a link that the form ignores. */
  readonly #notice = h("p", { class: "notice", role: "status", hidden: true });
  readonly #confirmed = h("input", { type: "checkbox", id: "field-confirmed" });
  readonly #foreign = h("span");
  /** Asks the user to confirm the bridge, because the author of the link chose it. */
  readonly #confirm = h("p", { class: "notice", hidden: true }, this.#confirmed, " ", h("label", { for: "field-confirmed" }, this.#foreign));
  readonly #submit = h("button", { type: "submit", class: "primary" }, "Connect");
  readonly #cancel = h("button", { type: "button", hidden: true, onclick: () => this.oncancel() }, "Cancel");

  constructor() {
    for (const [mode, text] of MODES) this.#mode.append(h("option", { value: mode }, text));
    this.#mode.onchange = () => this.#adapt();
    const mode = h("div", { class: "field" }, h("label", { for: "field-mode" }, "SSL mode"), this.#mode);
    this.element = h(
      "form",
      { class: "connect-form", onsubmit: (event: SubmitEvent) => this.#send(event) },
      this.#notice,
      this.#confirm,
      h("fieldset", {}, h("legend", {}, "Server"), this.#bridge.element, this.#user.element, this.#password.element, this.#database.element),
      h("fieldset", {}, h("legend", {}, "TLS"), mode, this.#name.element, this.#ca.element),
      h(
        "details",
        {},
        h("summary", {}, "Client certificate, fingerprint, token"),
        h("fieldset", {}, this.#cert.element, this.#key.element, this.#fingerprint.element, this.#token.element),
      ),
      h("div", { class: "actions" }, this.#submit, this.#cancel),
    );
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.#bridge.input.value = `${scheme}://${location.host}/tcp/`;
    // A bridge that the user types needs no confirmation.
    this.#bridge.input.oninput = () => this.#ask(false);
    this.#adapt();
  }

  /** Fills in what the page was opened with. */
  preset(preset: Preset): void {
    if (preset.bridge !== undefined) this.#bridge.input.value = preset.bridge;
    if (preset.user !== undefined) this.#user.input.value = preset.user;
    if (preset.password !== undefined) this.#password.input.value = preset.password;
    if (preset.database !== undefined) this.#database.input.value = preset.database;
    if (preset.serverName !== undefined) this.#name.input.value = preset.serverName;
    if (preset.ca !== undefined) this.#ca.input.value = preset.ca;
    if (preset.mode !== undefined) this.#mode.value = preset.mode;
    this.#notice.hidden = preset.notice === undefined;
    this.#notice.textContent = preset.notice ?? "";
    this.#foreign.textContent = `A link chose the bridge ${preset.bridge ?? ""}, which is not where this page came from. I know it, and want to connect through it.`;
    this.#ask(preset.foreignBridge ?? false);
    this.#adapt();
  }

  /** Drops the password, the key and the token: the connection is made, and nobody who comes to the page later shall find them. */
  forget(): void {
    this.#password.input.value = "";
    this.#token.input.value = "";
    this.#key.forget();
  }

  /** Whether the bridge must be confirmed. */
  #ask(confirm: boolean): void {
    this.#confirm.hidden = !confirm;
    this.#confirmed.required = confirm;
    this.#confirmed.checked = false;
  }

  set busy(busy: boolean) {
    this.#submit.disabled = busy;
    this.#submit.textContent = busy ? "Connecting…" : "Connect";
    this.#cancel.hidden = !busy;
  }

  /** Shows what the mode needs. */
  #adapt(): void {
    const mode = this.#mode.value as SslMode;
    this.#name.element.hidden = mode !== "VERIFY_IDENTITY";
    this.#ca.element.hidden = mode !== "VERIFY_IDENTITY" && mode !== "VERIFY_CA";
    this.element.classList.toggle("unverified", mode === "REQUIRED" || mode === "PREFERRED" || mode === "DISABLED");
  }

  #send(event: SubmitEvent): void {
    event.preventDefault();
    const given = (input: { value: string }) => (input.value.trim() === "" ? undefined : input.value.trim());
    const mode = this.#mode.value as SslMode;
    const fingerprint = given(this.#fingerprint.input);
    const named = mode === "VERIFY_IDENTITY";
    const checked = named || mode === "VERIFY_CA";
    this.onconnect({
      bridge: this.#bridge.input.value.trim(),
      token: given(this.#token.input),
      user: this.#user.input.value,
      password: this.#password.input.value,
      database: given(this.#database.input),
      tls: {
        mode,
        ca: checked ? given(this.#ca.input) : undefined,
        serverName: named ? given(this.#name.input) : undefined,
        cert: given(this.#cert.input),
        key: given(this.#key.input),
        fingerprint,
      },
    });
  }
}
