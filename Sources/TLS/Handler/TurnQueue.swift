/// Work of one channel that may be postponed in favour of the other channels of its loop.
package protocol TurnTaker: AnyObject {
    /// Does a bounded part of the work, on the loop. It asks for another turn if some is left.
    func takeTurn()
}

/// The order in which the channels of one loop do work that may be postponed; on that loop alone.
package protocol TurnQueue: AnyObject {
    /// Gives a turn at once if the loop has time for it in this round, and else in a later one.
    /// - Parameter taker: not in the queue yet.
    func take(_ taker: any TurnTaker)

    /// Gives a turn in a later round, after the turns of all channels that wait already.
    /// - Parameter taker: not in the queue yet.
    func wait(_ taker: any TurnTaker)
}
