internal import Synchronization

/// The numbers of principals in this process: a number is compared and hashed at less cost than the
/// name in a certificate.
///
/// A connection looks its principal up once, when it is known. All connections of one principal have
/// the same number. Threads: any.
final class PrincipalNumbers: Sendable {
    static let shared = PrincipalNumbers()

    /// Principals that are remembered. Beyond that all are forgotten: a principal then has another
    /// number on its new connections than on its old ones, as if it were two.
    static let maxPrincipals = 65_536

    private struct State {
        var numbers: [Principal: UInt64] = [:]
        var last: UInt64 = 0
    }

    private let state = Mutex(State())

    /// The number of a principal; never 0.
    func number(of principal: Principal) -> UInt64 {
        state.withLock { state in
            if let number = state.numbers[principal] { return number }
            if state.numbers.count >= Self.maxPrincipals { state.numbers = [:] }
            state.last += 1
            state.numbers[principal] = state.last
            return state.last
        }
    }
}
