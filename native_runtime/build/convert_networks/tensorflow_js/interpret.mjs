// What TensorFlow.js itself computes with a graph model, for `parity`: node interpret.mjs JOB.json
//
// The job names the model's two files and the inputs, each a file of whole numbers (int32) with its shape. Beside each
// input FILE, FILE.output holds the model's only output (float32) and FILE.shape.json its shape.

import {readFileSync, writeFileSync} from 'node:fs';

import '@tensorflow/tfjs-backend-cpu';
import {loadGraphModel} from '@tensorflow/tfjs-converter';
import {io, setBackend, tensor} from '@tensorflow/tfjs-core';

/** The bytes of a file, in a buffer of their own (a view into Node's pool need not be aligned). */
function bytes(path) {
  return Uint8Array.from(readFileSync(path)).buffer;
}

const job = JSON.parse(readFileSync(process.argv[2], 'utf8'));
await setBackend('cpu');
const {modelTopology, weightsManifest, signature, format} = JSON.parse(readFileSync(job.topology, 'utf8'));
const weightSpecs = weightsManifest.flatMap((group) => group.weights);
const model = await loadGraphModel(
  io.fromMemory({modelTopology, weightSpecs, weightData: bytes(job.weights), signature, format}),
);
for (const {file, shape} of job.inputs) {
  const input = tensor(new Int32Array(bytes(file)), shape, 'int32');
  const output = await model.executeAsync(input);
  writeFileSync(`${file}.output`, new Uint8Array((await output.data()).buffer));
  writeFileSync(`${file}.shape.json`, JSON.stringify(output.shape));
}
