// The emulator, which ends when its standard input does: whoever started it may end in any way.
process.stdin.on("end", () => process.exit()).resume();
await import("./node_modules/azurite/dist/src/blob/main.js");
