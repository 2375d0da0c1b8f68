internal import ArgumentParser
internal import JSON
internal import Sandbox
internal import Server

/// The process that a server starts to run one model, and the self-test of its sandbox. It runs
/// before Dispatch and Swift concurrency start a thread.
struct EngineHost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: EngineHostProcess.command,
        abstract: "Run a model in a sandbox, as a server's child.",
        shouldDisplay: false
    )

    @Flag(help: "Try each thing that the sandbox forbids, and print the kernel's answers.")
    var selfTest = false

    @OptionGroup var output: OutputOptions

    func run() throws {
        guard selfTest else { try EngineHostProcess.run() }
        let result: SelfTestResult
        do {
            result = try SelfTest.run()
        } catch {
            throw ServerError(error.description)
        }
        output.write(result.json) { text(of: result) }
        guard result.holds else { throw ServerError(failure(of: result)) }
    }

    private func text(of result: SelfTestResult) -> String {
        var table = Table("FORBIDDEN", "KERNEL'S ANSWER", "VERDICT")
        for entry in result.entries {
            table.add(entry.thing, entry.answer, entry.isStopped ? "stopped" : "NOT STOPPED")
        }
        return table.text + "\n\n" + SandboxCheck.summary(of: result)
    }

    private func failure(of result: SelfTestResult) -> String {
        "the sandbox of engine hosts does not hold: " + SandboxCheck.faults(of: result)
    }
}
