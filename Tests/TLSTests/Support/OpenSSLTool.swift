import Dispatch
import Foundation

/// The `openssl` command: a peer and a judge that is not ours.
enum OpenSSLTool {
    struct Result: Sendable {
        let status: Int32
        let output: String
    }

    /// Runs it to its end. Its standard input gets `input` and stays open until then: `s_client`
    /// leaves at the end of its input, answered or not.
    static func run(_ arguments: [String], input: String = "") throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        let output = Pipe()
        let inputPipe = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = inputPipe
        try process.run()
        // One whose handshake failed has ended already and reads nothing.
        try? inputPipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try inputPipe.fileHandleForWriting.close()
        return Result(
            status: process.terminationStatus,
            output: String(decoding: bytes, as: UTF8.self)
        )
    }

    /// The same, on a thread of its own: the pool of Swift's tasks is as wide as the cores.
    static func runAside(_ arguments: [String], input: String) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Swift.Result { try run(arguments, input: input) })
            }
        }
    }
}
