import Foundation
import Synchronization
import Testing

/// Runs `body` on threads of its own, as the server does, and waits for all of them.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
    let failures = Mutex<[String]>([])
    let group = DispatchGroup()
    for index in 0..<count {
        group.enter()
        Thread.detachNewThread {
            do {
                try body(index)
            } catch {
                failures.withLock { $0.append("\(index): \(error)") }
            }
            group.leave()
        }
    }
    group.wait()
    #expect(failures.withLock { $0 } == [])
}
