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
        // Straight through the system: Foundation's `Process` waits on a run loop, which is not made
        // for threads of a pool. `timeout` ends what would wait for ever.
        // Sockets, not pipes: those cannot be made closed-on-exec in one step here, and a child that
        // another thread starts would keep them open. Two pairs: what is left unread resets one.
        let toChild = try socketPair()
        let fromChild = try socketPair()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild.theirs, 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild.theirs, 1)
        posix_spawn_file_actions_adddup2(&actions, fromChild.theirs, 2)
        var pointers = (["timeout", "-k", "1", "30", "openssl"] + arguments).map { strdup($0) }
        defer { pointers.forEach { free($0) } }
        pointers.append(nil)
        var pid: pid_t = 0
        let failure = posix_spawnp(&pid, "timeout", &actions, nil, pointers, environ)
        close(toChild.theirs)
        close(fromChild.theirs)
        defer { close(toChild.ours) }
        let output = FileHandle(fileDescriptor: fromChild.ours, closeOnDealloc: true)
        guard failure == 0 else { throw POSIXError(POSIXErrorCode(rawValue: failure) ?? .EIO) }
        // One whose handshake failed has ended already and reads nothing.
        let input = Array(input.utf8)
        _ = send(toChild.ours, input, input.count, Int32(MSG_NOSIGNAL))
        let bytes = output.readDataToEndOfFile()
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1, errno == EINTR {}
        return Result(
            status: status & 0x7F == 0 ? status >> 8 & 0xFF : -1,
            output: String(decoding: bytes, as: UTF8.self)
        )
    }

    private static func socketPair() throws -> (ours: Int32, theirs: Int32) {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw POSIXError(.EMFILE) }
        return (ends[0], ends[1])
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
