import Testing

@testable import RPC

@Suite("The numbers of principals")
struct PrincipalNumbersTests {
    @Test("a principal has one number, and no two have the same")
    func unique() {
        let numbers = PrincipalNumbers()
        let principals: [Principal] = [
            .anonymous, .certificate("ann"), .certificate("bob"), .user(0), .user(1),
        ]
        let first = principals.map { numbers.number(of: $0) }
        #expect(Set(first).count == principals.count && !first.contains(0))
        #expect(principals.map { numbers.number(of: $0) } == first)
    }

    @Test("at the bound all are forgotten, and no number is given twice")
    func bound() {
        let numbers = PrincipalNumbers()
        let count = UInt32(PrincipalNumbers.maxPrincipals)
        let given = (0..<count).map { numbers.number(of: .user($0)) }
        #expect(numbers.number(of: .user(0)) == given[0])
        let next = numbers.number(of: .user(count))
        #expect(!given.contains(next))
        #expect(numbers.number(of: .user(0)) > next)
    }
}
