import Engine
import Foundation
import Hosting

/// This program as a host in a process of its own, and the channel to it.
final class SpawnedHost {
    let channel: HostChannel
    private let control: ControlSocket
    private let process: pid_t

    /// Starts the program with one more argument, and waits until it serves.
    init(_ arguments: [String], lanes: Int) throws {
        channel = try HostChannel(ringBytes: 64 << 20, lanes: lanes, budget: NoBudget())
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw Failure()
        }
        control = ControlSocket(descriptor: ends[0], takesDescriptors: false)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        // Another number first: a descriptor that is 3 already would keep its close-on-exec flag.
        posix_spawn_file_actions_adddup2(&actions, channel.memoryDescriptor, 100)
        posix_spawn_file_actions_adddup2(&actions, 100, 3)
        var texts = (["HostSpeed"] + arguments + ["host"]).map { strdup($0) } + [nil]
        defer { for text in texts { free(text) } }
        var process = pid_t()
        guard posix_spawn(&process, "/proc/self/exe", &actions, nil, &texts, environ) == 0 else {
            throw Failure()
        }
        self.process = process
        close(ends[1])
        channel.attach(control) { [process] _ in kill(process, SIGKILL) }
        guard control.receive(maxBytes: 0) != nil else { throw Failure() }
    }

    /// Processor time of both processes.
    func cpuNs() -> UInt64 { Self.cpuNs(of: 0) + Self.cpuNs(of: process) }

    /// Processor time of a process; 0 is this one.
    static func cpuNs(of process: pid_t) -> UInt64 {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            return 0
        }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Ends the host.
    func end() {
        control.shutDown()
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }

    private struct Failure: Error {}

    /// Gives nothing: all must fit the ring.
    private struct NoBudget: ByteBudget {
        let limitBytes = 0
        func take(_ bytes: Int) -> Bool { false }
        func giveBack(_ bytes: Int) {}
    }
}
