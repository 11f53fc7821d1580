// SPDX-License-Identifier: GPL-3.0-or-later
//
// Flamenco job type "sam3db-batch": rigged characters from a folder of photos.
//
// Put this file into the folder `scripts` beside the Flamenco Manager's program. Its workers need Blender with the
// extension "Character from Photo" enabled, and the variable {blender} has to be the path of that Blender.
// Flamenco 3.3 or newer, which has the command `exec`.

const JOB_TYPE = {
    label: "Characters from Photos",
    description: "Make rigged characters from a folder of photos, and a contact sheet of all of them",
    settings: [
        // Each path is a setting of its own: two-way variables replace only what a setting begins with.
        { key: "folder", type: "string", subtype: "dir_path", required: true, label: "Photos",
          description: "The folder of the photos, on storage that all workers see" },
        { key: "out", type: "string", subtype: "dir_path", required: true, label: "Results",
          description: "The folder of the results. With earlier results in it, only what is missing is made" },
        { key: "tasks", type: "int32", required: true, default: 8, propargs: { min: 1, max: 1000 }, label: "Tasks",
          description: "Into how many parts the photos are divided" },
        { key: "engine", type: "string", default: "landmarks", label: "Engine",
          description: "What estimates the characters. All workers need its models" },
        { key: "layout", type: "string", default: "person", choices: ["person", "photo"], label: "Files",
          description: "One .blend file for each person, or one with all people of a photo" },
        { key: "persons", type: "string", default: "largest", label: "People",
          description: "largest, all, or a number counted from 0" },
        { key: "previews", type: "string", default: "panels", label: "Previews",
          description: "panels, overlay, beside, turntable, wire, shaded, separated by commas; or none" },
        { key: "exports", type: "string", default: "", label: "Exports",
          description: "Files for other programs, such as fbx:mixamo,glb" },
        { key: "models", type: "string", subtype: "dir_path", default: "", label: "Models",
          description: "The folder of the models; empty for those that came with each worker's extension" },
        { key: "body_file", type: "string", subtype: "file_path", default: "", label: "Body",
          description: "The file of another body; empty for the engine's own" },
        { key: "options", type: "string", default: "", label: "More Options",
          description: "Further options of `sam3db batch`, with quotes as in a shell" },
        { key: "run_with", type: "string", default: "blender", choices: ["blender", "sam3db"], label: "Run With",
          description: "Blender with the extension, or the command line sam3db, which workers then find by PATH" },
    ]
};

const MOST_TASKS = 1000;

function compileJob(job) {
    const settings = job.settings;
    const count = checkedCount(settings.tasks);
    const words = batchWords(settings);

    const parts = [];
    for (let number = 1; number <= count; number++) {
        const task = author.Task(`characters-${number}-of-${count}`, taskType(settings));
        task.addCommand(command(settings, words.concat(["--shard", `${number}/${count}`])));
        parts.push(task);
    }

    // A run over the whole folder finds everything done; it writes the contact sheet and the common manifest.
    const sheet = author.Task("contact-sheet", taskType(settings));
    sheet.addCommand(command(settings, words));

    for (const part of parts) {
        job.addTask(part);
    }
    for (const part of parts) {
        sheet.addDependency(part);
    }
    job.addTask(sheet);
}

function checkedCount(tasks) {
    if (!Number.isInteger(tasks) || tasks < 1 || tasks > MOST_TASKS) {
        throw `The number of tasks has to be from 1 to ${MOST_TASKS}, not ${tasks}.`;
    }
    return tasks;
}

function taskType(settings) {
    return runsBlender(settings) ? "blender" : "misc";
}

function runsBlender(settings) {
    const program = settings.run_with || "blender";
    if (program !== "blender" && program !== "sam3db") {
        throw `Tasks are run with "blender" or "sam3db", not with "${program}".`;
    }
    return program === "blender";
}

function batchWords(settings) {
    if (!settings.folder || !settings.out) {
        throw "The folder of the photos and the folder of the results have to be chosen.";
    }
    let words = ["batch", settings.folder, "--out", settings.out];
    if (settings.models) {
        words = words.concat(["--models", settings.models]);
    }
    if (settings.body_file) {
        words = words.concat(["--body", settings.body_file]);
    }
    words.push(`--engine=${settings.engine || "landmarks"}`);
    words.push(`--layout=${settings.layout || "person"}`);
    words.push(`--person=${settings.persons || "largest"}`);
    words.push(`--preview=${settings.previews || "panels"}`);
    if (settings.exports) {
        words.push(`--export=${settings.exports}`);
    }
    words = words.concat(settings.options ? Array.from(shellSplit(settings.options)) : []);
    words.push("--accept-bad-photos");
    return words;
}

function command(settings, words) {
    if (runsBlender(settings)) {
        return author.Command("exec", {
            exe: "{blender}",
            args: ["--background", "--command", "sam3db"].concat(words),
        });
    }
    return author.Command("exec", { exe: "sam3db", args: words });
}
