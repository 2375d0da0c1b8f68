/// The result of the sandbox's self-test: each forbidden thing with the kernel's answer.
package struct SelfTestResult: Sendable, Equatable {
    /// One forbidden thing.
    package struct Entry: Sendable, Equatable {
        /// The thing, in words.
        package let thing: String
        /// The kernel's answer, such as `SIGSYS at openat` or `EACCES`.
        package let answer: String
        /// Whether that is the expected answer, which stops the thing.
        package let isStopped: Bool

        /// An entry with its parts.
        package init(thing: String, answer: String, isStopped: Bool) {
            self.thing = thing
            self.answer = answer
            self.isStopped = isStopped
        }
    }

    /// The layers that the kernel has.
    package let report: SandboxReport
    package let entries: [Entry]

    /// A result with its parts.
    package init(report: SandboxReport, entries: [Entry]) {
        self.report = report
        self.entries = entries
    }

    /// The things that were not stopped.
    package var failures: [Entry] { entries.filter { !$0.isStopped } }
    /// Whether everything was stopped, with all layers.
    package var holds: Bool { failures.isEmpty && report.missingLayers.isEmpty }
}
