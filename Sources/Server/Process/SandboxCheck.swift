internal import JSON
package import Logging
package import Sandbox
internal import Sealing

/// The check at a server's start that the kernel sandboxes engine hosts: this program's self-test,
/// in a process of its own, since a server has threads.
package enum SandboxCheck {
    /// The outcome for a server that goes on.
    package struct Result: Sendable, Equatable {
        /// The version of Landlock's interface; 0 where the kernel has none.
        let landlockVersion: Int
        /// The number of forbidden things that were stopped.
        let stopped: Int
        /// The fault, as the end of a sentence; nil if everything was stopped, with all layers.
        let fault: String?

        /// Logs it on one line.
        package func log(to logger: Logger) {
            guard let fault else {
                return logger.info(
                    "the sandbox of engine hosts holds",
                    metadata: [
                        "landlock.version": "\(landlockVersion)", "stopped": "\(stopped)",
                    ]
                )
            }
            logger.warning(
                "the sandbox of engine hosts does not hold",
                metadata: ["fault": "\(fault)", "risk": "\(risk)", "advice": "\(advice)"]
            )
        }
    }

    /// Seconds that the self-test may take. It takes about 0.1.
    static let seconds = 30
    /// The most bytes of its result that are read.
    private static let maxBytes = 1 << 20
    fileprivate static let risk =
        "a model that takes its host over may reach what the server's user reaches"
    fileprivate static let advice =
        "Linux 6.7 or later with seccomp and Landlock sandboxes them, in a container too unless its "
        + "profile forbids the calls; isolation.require_sandbox: false serves without"

    /// A self-test under way, in a process that runs beside the server's start.
    package struct Running: ~Copyable {
        fileprivate let process: Swift.Result<ChildProcess, ServerError>

        /// Waits for its end.
        ///
        /// - Parameter isRequired: `isolation.require_sandbox`.
        /// - Throws: ``ServerError`` if the sandbox does not hold and is required.
        package consuming func finish(isRequired: Bool) throws(ServerError) -> Result {
            try judge(result(of: process), isRequired: isRequired)
        }
    }

    /// Begins the self-test.
    package static func begin() -> Running {
        do {
            let process = try ChildProcess(
                "/proc/self/exe",
                ["strongroom", EngineHostProcess.command, "--self-test", "--format", "json"],
                environment: [],
                output: .stream,
                what: "the sandbox's self-test"
            )
            process.endInput()
            return Running(process: .success(process))
        } catch {
            return Running(process: .failure(ServerError(of: error)))
        }
    }

    /// Decides on an outcome: the result of the self-test, or the reason why there is none.
    static func judge(
        _ outcome: Swift.Result<SelfTestResult, ServerError>,
        isRequired: Bool
    ) throws(ServerError) -> Result {
        let result = result(of: outcome)
        guard isRequired, let fault = result.fault else { return result }
        throw ServerError("this machine does not sandbox engine hosts: \(fault)", hint: advice)
    }

    private static func result(
        of outcome: Swift.Result<SelfTestResult, ServerError>
    ) -> Result {
        switch outcome {
        case .success(let result):
            Result(
                landlockVersion: result.report.landlockVersion,
                stopped: result.entries.count - result.failures.count,
                fault: result.holds ? nil : faults(of: result)
            )
        case .failure(let error): Result(landlockVersion: 0, stopped: 0, fault: error.message)
        }
    }

    private static func result(
        of process: Swift.Result<ChildProcess, ServerError>
    ) -> Swift.Result<SelfTestResult, ServerError> {
        process.flatMap { process in
            var bytes: [UInt8] = []
            let outcome = process.follow(seconds: seconds) { more in
                bytes += more
                return bytes.count <= maxBytes
            }
            if let json = try? JSONValue(parsing: bytes), let result = SelfTestResult(json) {
                return .success(result)
            }
            return .failure(
                ServerError("the sandbox's self-test gave no result: \(text(of: outcome))")
            )
        }
    }

    private static func text(of outcome: ChildProcess.Outcome) -> String {
        let errors = outcome.errors.isEmpty ? "" : " (\(outcome.errors))"
        return switch outcome.ending {
        case .exited(let status): "it ended with status \(status)" + errors
        case .killed(let signal): "it was ended by \(SignalName.of(signal))" + errors
        case .outOfTime: "it took longer than \(seconds) s"
        }
    }
}

// MARK: - Texts

extension SandboxCheck {
    /// The last line of the self-test's report.
    package static func summary(of result: SelfTestResult) -> String {
        let version = result.report.landlockVersion
        return
            "Landlock \(version == 0 ? "is missing" : "version \(version)"), system call filters "
            + (result.report.filtersCalls ? "in place" : "are missing")
            + ": \(result.entries.count - result.failures.count) of \(result.entries.count) stopped"
    }

    /// The faults of a result, as the end of a sentence.
    package static func faults(of result: SelfTestResult) -> String {
        let missing = result.report.missingLayers.map { "the kernel lacks \($0)" }
        let failures = result.failures.map { "\($0.thing): \($0.answer)" }
        let shown = failures.prefix(shownFailures)
        let rest = failures.count - shown.count
        return (missing + shown + (rest > 0 ? ["\(rest) more"] : [])).joined(separator: "; ")
    }

    private static let shownFailures = 3
}
