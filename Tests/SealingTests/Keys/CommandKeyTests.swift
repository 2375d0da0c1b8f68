import Foundation
import Testing

@testable import Sealing

@Suite("Keys from a command")
struct CommandKeyTests {
    private let context = WrapContext(
        registryID: pattern(16),
        model: "m",
        bundleID: pattern(16).reversed()
    )

    /// A command that keeps a key as it is, with a prefix that an unwrap takes away.
    private static let keeping = """
        read line
        echo "$@" >> "$(dirname "$0")/calls"
        case $1 in wrap) echo "id=$2 $line" ;; unwrap) echo "${line#id=$2 }" ;; esac
        """

    private func command(_ body: String, in folder: String) throws -> String {
        let path = "\(folder)/command-\(UUID().uuidString)"
        try Data("#!/bin/sh\n\(body)\n".utf8).write(to: URL(filePath: path))
        // By way of the shell: a file that was just written cannot be started while another test's
        // child process still has it open.
        return "/bin/sh \(path)"
    }

    @Test("the command wraps a key once, and unwraps it at each start")
    func roundTrip() throws {
        try withFolder { folder in
            let command = try command(Self.keeping, in: folder)
            let keys = "\(folder)/keys"
            let created = try CommandKeyProvider.create(in: keys, command: command)
            let secret = try SecretKey.random()
            let wrapped = try created.wrap(secret, context: context)
            let opened = try CommandKeyProvider(folder: keys, command: command)
            #expect(try opened.unwrap(wrapped, context: context) == secret)
            let before = opened.currentKeyID
            #expect(try opened.addKey())
            try opened.retireKey(before)
            #expect(try CommandKeyProvider(folder: keys, command: command).keyIDs.count == 1)
            let calls = try String(contentsOfFile: "\(folder)/calls", encoding: .utf8)
            #expect(calls.contains("wrap \(before)") && calls.contains("unwrap \(before)"))
            #expect(try mode("\(keys)/kek-\(opened.currentKeyID).exec") == 0o400)
        }
    }

    @Test(
        "a command that fails or answers anything but one line is a failure that says so",
        arguments: [
            ("read line; echo no token >&2; exit 3", "status 3: no token"),
            ("read line; exit 0", "did not answer one line"),
            ("read line; echo", "did not answer one line"),
            ("read line; printf 'no line feed'", "did not answer one line"),
            ("read line; echo one; echo two", "did not answer one line"),
            ("read line; head -c 20000 /dev/zero; echo", "did not answer one line"),
            ("kill -9 $$", "was ended by SIGKILL"),
        ]
    )
    func failures(body: String, expected: String) throws {
        try withFolder { folder in
            let command = try KeyCommand(command(body, in: folder))
            let error = #expect(throws: SealingError.self) {
                try command.run("unwrap", id: "0123456789abcdef", input: SecretBuffer(copying: []))
            }
            #expect(error?.code == .keyAccess)
            #expect(try #require(error).message.contains(expected))
        }
    }

    @Test("a command starts with no signal blocked and none ignored, whatever this process does")
    func signals() throws {
        try withFolder { folder in
            let body = "read line; grep -E '^Sig(Blk|Ign):' /proc/self/status | tr '\\n' ' '; echo"
            let command = try KeyCommand(command(body, in: folder))
            // SIGURG: the one that nothing waits for in a process of many tests.
            let before = signal(SIGURG, SIG_IGN)
            defer { signal(SIGURG, before) }
            var blocked = sigset_t()
            var mask = sigset_t()
            sigemptyset(&blocked)
            sigaddset(&blocked, SIGURG)
            sigaddset(&blocked, SIGWINCH)
            #expect(pthread_sigmask(SIG_BLOCK, &blocked, &mask) == 0)
            defer { pthread_sigmask(SIG_SETMASK, &mask, nil) }
            let answer = try command.run("wrap", id: "x", input: SecretBuffer(copying: []))
            let words = String(decoding: answer.copyBytes(), as: UTF8.self).split {
                $0.isWhitespace
            }
            try #require(words.count == 4 && words[0] == "SigBlk:" && words[2] == "SigIgn:")
            #expect(UInt64(words[1], radix: 16) == 0)
            // The C library keeps 32 and 33 for itself, and has them ignored in every child.
            let own: UInt64 = 1 << 31 | 1 << 32
            #expect(UInt64(words[3], radix: 16).map { $0 & ~own } == 0)
        }
    }

    @Test("an answer as long as the limit is taken")
    func longest() throws {
        try withFolder { folder in
            let limit = SealingLimits.maxKeyCommandBytes
            let body = "head -c \(limit - 1) /dev/zero | tr '\\0' x; echo"
            let command = try KeyCommand(command(body, in: folder))
            let answer = try command.run("wrap", id: "x", input: SecretBuffer(copying: []))
            #expect(answer.byteCount == limit)
        }
    }

    @Test("a command that is not there, or gives back another key, is refused")
    func wrong() throws {
        try withFolder { folder in
            #expect(
                code { _ = try CommandKeyProvider.create(in: folder, command: "/nowhere/key") }
                    == .keyAccess
            )
            let other = try command(
                "read line; echo AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                in: folder
            )
            #expect(
                code { _ = try CommandKeyProvider.create(in: "\(folder)/k", command: other) }
                    == .format
            )
            let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/k")
            #expect(names.isEmpty)
        }
    }

    @Test("base64 of a key reads back, and nothing else does")
    func base64() throws {
        let key = try SecretKey.random()
        let line = try SecretBase64.line(of: key)
        let text = String(decoding: line.copyBytes(), as: UTF8.self)
        let expected = key.withBytes { Data($0.copyToArray()).base64EncodedString() }
        #expect(text == expected + "\n")
        #expect(try SecretBase64.key(from: line) == key)
        for wrong in ["", expected.dropLast() + "A", "!" + expected.dropFirst(), expected + "="] {
            #expect(
                code { _ = try SecretBase64.key(from: SecretBuffer(copying: Array(wrong.utf8))) }
                    == .format
            )
        }
    }
}
