/** `npm run bench -- <scenario>`: load for the gateway, and for others beside it in the same run. */
import { Command } from "commander";
import { estateCommands } from "./estate/command.ts";
import { workerKillCommand } from "./faults/worker-kill.ts";
import { floodCommand } from "./flood/command.ts";
import { loadCommands } from "./load/calls.ts";
import { dtmfCommand } from "./load/dtmf.ts";
import { lossCommand } from "./load/loss.ts";
import { microCommand } from "./micro/micro.ts";
import { profileCommand } from "./profile/profile.ts";
import { qualityCommand } from "./quality/command.ts";
import { signallingCommand } from "./signalling/command.ts";
import { soakCommand } from "./soak/command.ts";

const program = new Command("bench").description(
  "Measures the gateway under load; figures are CPU time, and ratios within one run.",
);

for (const command of loadCommands()) program.addCommand(command);
for (const command of estateCommands()) program.addCommand(command);
program.addCommand(dtmfCommand());
program.addCommand(lossCommand());
program.addCommand(qualityCommand());
program.addCommand(workerKillCommand());
program.addCommand(floodCommand());
program.addCommand(soakCommand());
program.addCommand(microCommand());
program.addCommand(profileCommand());
program.addCommand(signallingCommand());

try {
  await program.parseAsync();
} catch (error) {
  program.error(error instanceof Error ? error.message : String(error));
}
