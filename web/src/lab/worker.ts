/** The laboratory's worker: a server and a client in memory. It opens no connection to anywhere. */
import initialise, { Lab } from "sealwire-lab";
import type { Played, Run, Scenario } from "./scenario.js";

export type LabRequest = { id: number; kind: "scenario" } | { id: number; kind: "run"; scenario: Scenario };
export type LabResponse = { id: number; value: unknown } | { id: number; error: string };

const loaded = initialise().then(() => new Lab());

addEventListener("message", (event: MessageEvent<LabRequest>) => {
  const request = event.data;
  loaded
    .then((lab): unknown => {
      if (request.kind === "scenario") return Lab.scenario();
      const { run, meanings } = lab.run(request.scenario) as { run: Run; meanings: string[] };
      return { run, meanings, pcap: lab.takePcap() } satisfies Played;
    })
    .then(
      (value) => postMessage({ id: request.id, value }),
      (error) => postMessage({ id: request.id, error: String(error) }),
    );
});
