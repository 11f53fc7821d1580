// Compiles a Flamenco job as the Manager does: the script runs in strict mode, with the author's functions and the
// global ones that a Manager gives it, and nothing of Node's. Reads {script, job} and writes {jobType, tasks, error}.
//
// What the functions do: internal/manager/job_compilers/{author,js_globals,scripts}.go of Flamenco 3.9-beta1.
"use strict";
const vm = require("node:vm");

const input = JSON.parse(require("node:fs").readFileSync(0, "utf-8"));
let made = 0;
const author = {
    Task(name, type) {
        name = String(name).trim();
        type = String(type).trim();
        if (!name || !type) { throw new Error("author.Task(name, type): both are required"); }
        return {
            uuid: `task-${++made}`, name, type, priority: 50, commands: [], dependencies: [],
            addCommand(command) { this.commands.push(command); },
            addDependency(task) { this.dependencies.push(task.uuid); },
        };
    },
    Command(name, parameters, totalStepCount) {
        return { name: String(name), parameters, totalStepCount: totalStepCount || 0 };
    },
};

// google/shlex: quotes, backslashes outside single quotes, and comments.
function shellSplit(text) {
    const words = [];
    let word = null, quote = "";
    for (let i = 0; i < text.length; i++) {
        const letter = text[i];
        if (quote === "'") { if (letter === "'") { quote = ""; } else { word += letter; } }
        else if (letter === "\\") { word = (word || "") + (text[++i] ?? ""); }
        else if (quote === '"') { if (letter === '"') { quote = ""; } else { word += letter; } }
        else if (letter === "'" || letter === '"') { quote = letter; word = word || ""; }
        else if (/\s/.test(letter)) { if (word !== null) { words.push(word); word = null; } }
        else if (letter === "#" && word === null) { while (i < text.length && text[i] !== "\n") { i++; } }
        else { word = (word || "") + letter; }
    }
    if (quote) { throw new Error("EOF found when expecting closing quote"); }
    return word === null ? words : words.concat([word]);
}

const answer = { jobType: null, tasks: [], error: null };
try {
    const context = vm.createContext({ author, shellSplit, print() {}, alert() {} });
    vm.runInContext(`"use strict";\n${input.script}\n;globalThis.JOB_TYPE = JOB_TYPE; globalThis.compileJob = compileJob;`, context);
    answer.jobType = context.JOB_TYPE;
    if (input.job) {
        context.compileJob({ ...input.job, addTask(task) { answer.tasks.push(task); } });
    }
} catch (error) {
    answer.error = String(error);
}
process.stdout.write(JSON.stringify(answer));
