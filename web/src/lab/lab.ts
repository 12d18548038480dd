import type { Played, Scenario } from "./scenario.js";
import type { LabRequest, LabResponse } from "./worker.js";

/** The laboratory as the page has it: its module runs in a worker. */
export class Laboratory {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "sealwire-lab" });
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #next = 0;

  constructor() {
    this.#worker.onmessage = (event: MessageEvent<LabResponse>) => {
      const response = event.data;
      const waiting = this.#waiting.get(response.id);
      this.#waiting.delete(response.id);
      if ("error" in response) waiting?.reject(new Error(response.error));
      else waiting?.resolve(response.value as never);
    };
  }

  /** The scenario that all others are changes of. */
  scenario(): Promise<Scenario> {
    return this.#ask({ id: this.#next++, kind: "scenario" });
  }

  /** Runs a scenario to its end. */
  run(scenario: Scenario): Promise<Played> {
    return this.#ask({ id: this.#next++, kind: "run", scenario });
  }

  #ask<T>(request: LabRequest): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(request.id, { resolve: resolve as (value: never) => void, reject });
      this.#worker.postMessage(request);
    });
  }
}
