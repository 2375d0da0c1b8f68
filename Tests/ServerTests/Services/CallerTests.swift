import RPC
import Serving
import Testing
import Text
import Wire

@testable import Server

@Suite("Authorisation")
struct CallerTests {
    private func caller(_ role: Role, models: String = "mine*") -> Caller {
        let grant = Grant(principal: "cert:alice", role: role, models: ModelPattern(models))
        return Caller(principal: .certificate("alice"), list: AccessList(grants: [grant]))
    }

    @Test("without a certificate nothing is allowed")
    func anonymous() {
        let caller = Caller(principal: .anonymous, list: AccessList())
        let error = #expect(throws: Status.self) {
            try caller.authorize([.predictor], on: "mine", method: "Predict")
        }
        #expect(error?.code == .unauthenticated)
    }

    @Test("a model without a grant looks like one that does not exist")
    func unknown() {
        let error = #expect(throws: Status.self) {
            try caller(.admin).authorize([.predictor], on: "yours", method: "Predict")
        }
        #expect(error == Status(ServingError.unknownModel("yours")))
    }

    @Test("a grant without the role is refused, an admin never is")
    func roles() throws {
        let error = #expect(throws: Status.self) {
            try caller(.observer).authorize([.publisher], on: "mine", method: "SetAlias")
        }
        #expect(error?.code == .permissionDenied)
        #expect(
            error?.message.contains(
                "SetAlias needs the role admin or publisher on model 'mine', which cert:alice "
                    + "does not have"
            ) == true
        )
        try caller(.publisher).authorize([.publisher], on: "mine", method: "SetAlias")
        try caller(.admin).authorize([], on: "mine", method: "DeleteVersion")
    }

    @Test("what concerns no model is for whoever has the role on all of them")
    func allModels() throws {
        #expect(!caller(.observer).hasOnAll([.observer]))
        #expect(caller(.observer, models: "*").hasOnAll([.observer]))
        #expect(caller(.admin, models: "*").hasOnAll([.observer]))
        try caller(.admin, models: "*").authorizeEverywhere([], method: "Collect")
        for refused in [caller(.admin), caller(.publisher, models: "*")] {
            let error = #expect(throws: Status.self) {
                try refused.authorizeEverywhere([], method: "Collect")
            }
            #expect(error?.code == .permissionDenied)
            #expect(
                error?.message
                    == "Collect needs the role admin on all models, which cert:alice does not have"
            )
        }
    }
}

@Suite("Request ids")
struct RequestIDTests {
    @Test("an id that the server makes is a UUIDv7 and differs each time")
    func made() {
        let ids = (0..<1_000).map { _ in RequestID.make() }
        #expect(Set(ids).count == ids.count)
        for id in ids {
            let parts = id.split(separator: "-").map { Array($0) }
            #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
            #expect(parts[2].first == "7")
            #expect("89ab".contains(parts[3][0]))
        }
    }

    @Test(
        "a caller's id is up to 128 printable characters",
        arguments: [
            (String(repeating: "x", count: 128), true),
            (String(repeating: "x", count: 129), false), ("a b", false), ("é", false), ("~!", true),
        ]
    )
    func checked(id: String, isValid: Bool) {
        if isValid {
            #expect(throws: Never.self) { try RequestID.check(id) }
        } else {
            let error = #expect(throws: Status.self) { try RequestID.check(id) }
            #expect(error?.code == .invalidArgument)
        }
    }
}
