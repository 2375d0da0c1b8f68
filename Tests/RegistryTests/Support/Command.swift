import Foundation

/// Runs a program to its end. Straight through the system: Foundation's `Process` waits on a run
/// loop, which is not made for threads of a pool.
func runCommand(_ arguments: [String]) throws {
    var pid: pid_t = 0
    var pointers = arguments.map { strdup($0) }
    defer { pointers.forEach { free($0) } }
    pointers.append(nil)
    let failure = posix_spawnp(&pid, arguments[0], nil, nil, pointers, environ)
    guard failure == 0 else { throw TestFailure(message: "\(arguments) did not start: \(failure)") }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) == -1 {
        guard errno == EINTR else { throw TestFailure(message: "\(arguments): errno \(errno)") }
    }
    guard status == 0 else { throw TestFailure(message: "\(arguments) ended with \(status)") }
}
