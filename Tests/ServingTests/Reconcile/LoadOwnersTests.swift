import Registry
import Testing

@testable import Serving

@Suite("The principals of loads")
struct LoadOwnersTests {
    private func id(_ number: Int) -> VersionID {
        VersionID(model: "m", version: UInt64(number))
    }

    private func begin(_ number: Int, _ principal: String, _ owners: inout LoadOwners)
        -> ServingError?
    {
        do throws(ServingError) {
            try owners.begin(id(number), for: principal)
            return nil
        } catch {
            return error
        }
    }

    @Test("a principal has so many loads, and one more when one has ended")
    func own() {
        var owners = LoadOwners()
        for number in 0..<LoadOwners.maxLoadsPerPrincipal {
            #expect(begin(number, "a", &owners) == nil)
        }
        let error = begin(1_000, "a", &owners)
        #expect(error?.code == .resourceExhausted && error?.retryAfterNs != nil)
        #expect(error?.message.hasPrefix("\(LoadOwners.maxLoadsPerPrincipal) versions") == true)
        #expect(begin(1_001, "b", &owners) == nil)
        owners.end(id(1_000))
        #expect(begin(1_002, "a", &owners) != nil)
        owners.end(id(0))
        #expect(begin(1_002, "a", &owners) == nil)
    }

    @Test("with all places taken a principal without a load gets one, and the server any number")
    func all() {
        var owners = LoadOwners()
        for number in 0..<LoadOwners.maxLoads {
            let principal = "p\(number / LoadOwners.maxLoadsPerPrincipal)"
            #expect(begin(number, principal, &owners) == nil)
        }
        #expect(begin(5_000, "late", &owners) == nil)
        #expect(begin(5_001, "late", &owners)?.code == .resourceExhausted)
        for number in 6_000..<6_000 + 2 * LoadOwners.maxLoads {
            #expect(begin(number, AuditAction.serverPrincipal, &owners) == nil)
        }
    }

    @Test("a load has the principals that asked for it, so many of them, until it ends")
    func joined() {
        var owners = LoadOwners()
        #expect(owners.principals(of: id(1)) == [AuditAction.serverPrincipal])
        var joined = owners.join(id(1), "b")
        #expect(!joined)
        #expect(begin(1, "a", &owners) == nil)
        joined = owners.join(id(1), "a")
        #expect(!joined)
        for number in 1..<LoadOwners.maxPrincipalsPerLoad {
            joined = owners.join(id(1), "b\(number)")
            #expect(joined)
        }
        joined = owners.join(id(1), "late")
        #expect(!joined)
        #expect(owners.principals(of: id(1)).count == LoadOwners.maxPrincipalsPerLoad)
        owners.end(id(1))
        #expect(owners.principals(of: id(1)) == [AuditAction.serverPrincipal])
    }
}
