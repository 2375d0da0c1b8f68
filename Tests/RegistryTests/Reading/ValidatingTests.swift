import Registry
import Testing

@Suite("The verdict of a validation")
struct ValidatingTests {
    private let home: TestHome
    private let registry: Registry
    private let model = "sentiment"

    init() throws {
        home = try TestHome()
        registry = try home.open()
        for _ in 1...2 { _ = try registry.publishSmall() }
    }

    private func settle(_ verdict: ValidationVerdict, _ version: UInt64 = 1) throws
        -> ValidationEffect
    {
        try registry.settleValidation(
            model: model,
            version: version,
            verdict: verdict,
            principal: "cert:bob"
        )
    }

    private var events: [String] {
        get throws {
            try registry.auditEvents(model: nil, after: 3, limit: 100) { _ in true }.map {
                "\($0.action) \($0.version) '\($0.detail)' \($0.principal)"
            }
        }
    }

    private func expect(_ state: VersionState, _ reason: String) throws {
        let info = try registry.version(model: model, version: 1)
        #expect(info.state == state && info.reason == reason)
    }

    @Test("a rejected version that passed may serve, and an alias may move to it")
    func passed() throws {
        try registry.reject(model: model, version: 1, reason: "no memory")
        #expect(try settle(.passed) == .stored)
        try expect(.stored, "")
        #expect(
            try events == [
                "version.reject 1 'no memory' server", "version.validate 1 '' cert:bob",
            ]
        )
        _ = try registry.setAlias(model: model, alias: "live", version: 1, principal: "cert:ann")
    }

    @Test("a verdict that says what is known already changes nothing")
    func unchanged() throws {
        #expect(try settle(.passed) == .stored)
        #expect(try settle(.failed(reason: "a")) == .rejected(reason: "a"))
        #expect(try settle(.failed(reason: "a")) == .rejected(reason: "a"))
        #expect(try events == ["version.reject 1 'a' cert:bob"])
    }

    @Test("a rejected version that failed again keeps its newest reason, cut to what fits")
    func newest() throws {
        try registry.reject(model: model, version: 1, reason: "a")
        #expect(try settle(.failed(reason: "b")) == .rejected(reason: "b"))
        try expect(.rejected, "b")
        let long = String(repeating: "x", count: Limits.maxReasonBytes + 1)
        #expect(try settle(.failed(reason: long)) == .rejected(reason: String(long.dropLast())))
        try expect(.rejected, String(long.dropLast()))
    }

    @Test("a stored version that failed is kept while an alias answers with it, or is to")
    func kept() throws {
        let asked = try registry.setAlias(
            model: model,
            alias: "live",
            version: 1,
            principal: "cert:ann"
        )
        for _ in 1...2 {
            #expect(
                try settle(.failed(reason: "a")) == .kept(reason: "a", aliases: ["live"])
            )
            try expect(.stored, "")
            _ = try registry.settle(
                model: model,
                alias: "live",
                generation: asked.alias.generation,
                outcome: .served
            )
        }
        try registry.deleteAlias(model: model, alias: "live", principal: "cert:ann")
        #expect(try settle(.failed(reason: "a")) == .rejected(reason: "a"))
        try expect(.rejected, "a")
    }

    @Test("a version that is not there has no verdict")
    func missing() throws {
        try registry.deleteVersion(model: model, version: 2, principal: "cert:ann")
        for version in [0, 2, 3] as [UInt64] {
            #expect(refusal { try settle(.passed, version) } == .notFound)
            #expect(refusal { try settle(.failed(reason: "a"), version) } == .notFound)
        }
    }

    @Test("all of it is what the audit log tells")
    func verified() throws {
        try registry.reject(model: model, version: 1, reason: "a")
        _ = try settle(.failed(reason: "b"))
        #expect(try home.verify().faults == [])
        _ = try settle(.passed)
        #expect(try home.verify().faults == [])
        _ = try settle(.failed(reason: "c"))
        #expect(try home.verify().faults == [])
        try registry.deleteVersion(model: model, version: 1, principal: "cert:ann")
        #expect(try home.verify().faults == [])
    }
}
