// Package storm has the rules by which thousands of devices do not come to a Registrar in one instant: when the first contact
// is, when the next try is, and how long an answer is waited for. They are values and pure functions: chance is handed in, and
// nobody looks at a clock. The agent and `lab storm`, which plays 100,000 devices, both go by them.
package storm
