internal import Synchronization

/// What other threads hand to a connection's loop. Only the letter that finds the box empty asks
/// for a hop to the loop, so a burst costs one.
///
/// It has no bound of its own: each letter belongs to a call, and those are bounded.
final class Mailbox<Letter: Sendable>: Sendable {
    private let letters = Mutex<[Letter]>([])

    /// Puts a letter in, from any thread.
    ///
    /// - Returns: whether the box was empty, so that the loop has to be told.
    func post(_ letter: Letter) -> Bool {
        letters.withLock { letters in
            letters.append(letter)
            return letters.count == 1
        }
    }

    /// Empties the box, in the order in which it was filled.
    func takeAll() -> [Letter] {
        letters.withLock { letters in
            let taken = letters
            letters = []
            return taken
        }
    }
}
