internal import Glibc
internal import Platform

/// The operator's command for keys: run with `wrap` or `unwrap` and a key's id as its last two
/// arguments, one line on its standard input, one on its standard output, exit 0.
struct KeyCommand: Sendable {
    private let arguments: [String]

    /// - Parameters:
    ///   - text: The program and its arguments, split at spaces. There is no shell.
    ///   - trust: Judges the program's file, if it is named by its path and not looked up.
    /// - Throws: `keyAccess` for a program that others than its owner may write.
    init(_ text: String, trust: FileTrust = .strict) throws(SealingError) {
        arguments = text.split(separator: " ").map(String.init)
        guard let program = arguments.first else {
            throw SealingError(.format, "keys: exec: names no command")
        }
        guard program.contains("/") else { return }
        do {
            try trust.check(JudgedPath(program, .command))
        } catch {
            throw SealingError(.keyAccess, "the key command \(error)")
        }
    }

    /// Runs it to its end.
    ///
    /// - Returns: The line that it wrote, with its line feed.
    /// - Throws: `keyAccess` if it cannot be started, takes longer than
    ///   ``SealingLimits/keyCommandSeconds``, exits other than with 0, or writes anything but
    ///   one line of at most ``SealingLimits/maxKeyCommandBytes``.
    func run(_ verb: String, id: String, input: SecretBuffer) throws(SealingError) -> SecretBuffer {
        let process = try ChildProcess(
            arguments[0],
            arguments + [verb, id],
            output: .stream,
            what: "the key command"
        )
        let seconds = SealingLimits.keyCommandSeconds
        input.withBytes { process.send($0, seconds: seconds) }
        process.endInput()
        let output = try SecretBuffer(byteCount: SealingLimits.maxKeyCommandBytes)
        var count = 0
        let outcome = process.follow(seconds: seconds) { stream in
            Self.read(stream, into: output, &count)
        }
        switch outcome.ending {
        case .exited(0): break
        case .exited(let status): throw failure(verb, "ended with status \(status)", outcome)
        case .killed(let signal):
            throw failure(verb, "was ended by \(SignalName.of(signal))", outcome)
        case .outOfTime: throw failure(verb, "took longer than \(seconds) s", outcome)
        }
        let isLine = output.withBytes { bytes in
            (1...bytes.byteCount).contains(count)
                && (0..<count).filter { bytes.byte(at: $0) == UInt8(ascii: "\n") } == [count - 1]
                && count > 1
        }
        guard isLine else { throw failure(verb, "did not answer one line", outcome) }
        let line = try SecretBuffer(byteCount: count)
        line.withMutableBytes(0..<count) { target in
            output.withBytes { target.copy($0.extracting(0..<count), at: 0) }
        }
        return line
    }

    /// False at the end of the stream, or when it is too long.
    private static func read(
        _ stream: Int32,
        into output: SecretBuffer,
        _ count: inout Int
    ) -> Bool {
        let room = count..<output.byteCount
        guard !room.isEmpty else {
            // One byte too many is no line, whatever follows.
            var byte: UInt8 = 0
            if unsafe recv(stream, &byte, 1, 0) > 0 { count = 0 }
            return false
        }
        let read = output.withMutableBytes(room) { target in
            unsafe target.withUnsafeMutableBytes { buffer in
                unsafe recv(stream, buffer.baseAddress, buffer.count, 0)
            }
        }
        guard read > 0 else { return false }
        count += read
        return true
    }

    private func failure(
        _ verb: String,
        _ what: String,
        _ outcome: ChildProcess.Outcome
    ) -> SealingError {
        let said = outcome.errors.isEmpty ? "" : ": \(outcome.errors)"
        return SealingError(.keyAccess, "the key command (\(verb)) \(what)\(said)")
    }
}
