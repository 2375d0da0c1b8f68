import Testing

@testable import RPC

@Suite("The accounts of replies")
struct ReplyAccountTests {
    private func limits(_ connection: Int, _ principal: Int, _ total: Int) -> RPCLimits {
        var limits = RPCLimits()
        limits.maxUnsentBytes = connection
        limits.maxPrincipalUnsentBytes = principal
        limits.maxTotalUnsentBytes = total
        return limits
    }

    @Test("a connection holds as much as its limit, and no byte more")
    func connectionLimit() {
        let account = HeldReplies(limits: limits(100, 1_000, 4_000)).open(.certificate("a"))
        #expect(account.take(60) == nil)
        #expect(account.take(41) === account)
        #expect(account.take(40) == nil)
        #expect(account.take(1) === account)
        account.release(100)
        #expect(account.bytes == 0)
    }

    @Test("a reply over every limit has room where nothing else is held, and nothing has then")
    func largeReply() {
        let held = HeldReplies(limits: limits(100, 200, 300))
        let account = held.open(.certificate("a"))
        #expect(account.take(500) == nil)
        #expect(account.take(1) != nil)
        let other = held.open(.certificate("b"))
        #expect(other.take(1)?.key == "limits.total_unsent_bytes")
        account.release(500)
        #expect(other.take(1) == nil)
        #expect(held.total.bytes == 1)
    }

    @Test("a call that has room already may have a reply over the limits where it is alone")
    func growth() {
        let account = HeldReplies(limits: limits(100, 200, 300)).open(.certificate("a"))
        #expect(account.take(50) == nil)
        #expect(account.take(450, own: 50) == nil)
        account.release(450)
        #expect(account.take(10) == nil)
        #expect(account.take(450, own: 50) != nil)
        #expect(account.bytes == 60)
    }

    @Test("connections of a principal share its limit, and leave as much as each of them has")
    func principalLimit() {
        let held = HeldReplies(limits: limits(1_000, 1_000, 100_000))
        let accounts = (0..<3).map { _ in held.open(.certificate("a")) }
        for account in accounts { while account.take(1) == nil {} }
        let last = held.open(.certificate("a"))
        #expect(accounts.map(\.bytes) == [500, 250, 125])
        #expect(last.take(125) == nil)
        #expect(last.take(1)?.key == "limits.principal_unsent_bytes")
        #expect(held.total.bytes == 1_000)
        #expect(held.open(.certificate("b")).take(500) == nil)
    }

    @Test("principals that take all they get leave room for another one", arguments: [1, 4, 8])
    func fairness(principals: Int) {
        let held = HeldReplies(limits: limits(100, 1_000, 4_000))
        for name in 0..<principals {
            for _ in 0..<20 {
                let account = held.open(.certificate("p\(name)"))
                while account.take(10) == nil {}
            }
        }
        #expect(held.total.bytes <= 4_000)
        #expect(held.open(.certificate("modest")).take(10) == nil)
    }

    @Test("a count is corrected by the true size, and comes to nothing")
    func correction() {
        let held = HeldReplies(limits: limits(100, 1_000, 4_000))
        let account = held.open(.anonymous)
        #expect(account.take(10) == nil)
        account.correct(10, to: 500)
        #expect(held.total.bytes == 500)
        #expect(account.isFull)
        account.correct(500, to: 20)
        account.release(20)
        #expect(held.total.bytes == 0)
        #expect(!account.isFull)
    }

    @Test("a principal's account goes with its last connection, unless it holds something")
    func principalsEnd() {
        let held = HeldReplies(limits: limits(100, 150, 4_000))
        let first = held.open(.certificate("a"))
        _ = held.open(.certificate("a"))
        held.close(.certificate("a"))
        #expect(held.principals == 1)
        #expect(first.take(100) == nil)
        held.close(.certificate("a"))
        #expect(held.principals == 1)
        // Connecting again gives no new share.
        let again = held.open(.certificate("a"))
        #expect(again.take(60)?.key == "limits.principal_unsent_bytes")
        first.release(100)
        held.close(.certificate("a"))
        #expect(held.principals == 0)
    }

    @Test("accounts without connections are few, once they hold nothing")
    func bound() {
        let held = HeldReplies(limits: limits(100, 1_000, 4_000))
        var accounts: [ReplyAccount] = []
        for name in 0..<200 {
            let account = held.open(.certificate("p\(name)"))
            #expect(account.take(1) == nil)
            accounts.append(account)
            held.close(.certificate("p\(name)"))
        }
        #expect(held.principals == 200)
        for account in accounts { account.release(1) }
        _ = held.open(.certificate("last"))
        held.close(.certificate("last"))
        #expect(held.principals == 0)
    }

    @Test("refusals are counted by limit, also those of a principal that has gone")
    func refusals() {
        let held = HeldReplies(limits: limits(100, 50, 60))
        let account = held.open(.certificate("a"))
        #expect(account.take(50) == nil)
        let full = account.take(1)
        #expect(full?.refuse(1).contains("limits.principal_unsent_bytes is 50 bytes") == true)
        account.release(50)
        held.close(.certificate("a"))
        #expect(held.principals == 0)
        #expect(held.refusals.map(\.count) == [1, 0])
    }

    @Test("memory is due once as many bytes as asked for were freed")
    func released() {
        let held = HeldReplies(limits: RPCLimits())
        held.released(9)
        #expect(!held.takeReleased(atLeast: 10))
        held.released(1)
        #expect(held.takeReleased(atLeast: 10))
        #expect(!held.takeReleased(atLeast: 10))
    }
}
