import Engine
import Registry
import Testing

@testable import Serving

@Suite("The process in which a version runs")
struct SlotIsolationTests {
    private static let verdicts: [IsolationVerdict] = [
        .safe, .needsHost(why: "its values may crash", node: "node 'd' (Div)"),
    ]
    private static let asked = "the card asks for it"
    private static let minimum = "the server's isolation.minimum is process"
    private static let allowed = "the card and the server's configuration allow it"

    @Test(
        "the stronger of card and server counts, and with auto the analysis decides",
        arguments: [
            (.none, .none, [allowed, allowed]), (.none, .auto, nil), (.none, .process, [minimum]),
            (.auto, .none, nil), (.auto, .auto, nil), (.auto, .process, [minimum]),
            (.process, .none, [asked]), (.process, .auto, [asked]), (.process, .process, [asked]),
        ] as [(Card.Isolation, Card.Isolation, [String]?)]
    )
    func modes(card: Card.Isolation, minimum: Card.Isolation, whys: [String]?) {
        for verdict in Self.verdicts {
            let isolation = SlotIsolation(card: card, minimum: minimum, verdict: verdict)
            switch (whys?.count, verdict) {
            case (1, _):
                #expect(isolation == SlotIsolation(isHosted: true, why: whys?[0] ?? ""))
                #expect(isolation.mode == "process")
            case (2, _):
                #expect(isolation == SlotIsolation(isHosted: false, why: whys?[0] ?? ""))
                #expect(isolation.mode == "none")
            case (_, .safe):
                let why = "every operator is safe for any value and every size is proved"
                #expect(isolation == SlotIsolation(isHosted: false, why: why))
            case (_, .needsHost(let why, let node)):
                #expect(isolation == SlotIsolation(isHosted: true, why: why, node: node))
            }
        }
    }
}
