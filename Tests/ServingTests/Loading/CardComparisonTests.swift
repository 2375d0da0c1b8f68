import Engine
import Registry
import Testing
import Text

@testable import Serving

@Suite("The card's tensors beside the model's")
struct CardComparisonTests {
    private static let specs = [
        TensorSpec(name: "x", type: .fp32, shape: [-1]),
        TensorSpec(name: "any", type: .fp32, shape: [], hasUnknownRank: true),
        TensorSpec(name: "scale", type: .fp32, shape: [1], isOptional: true),
    ]

    private func difference(_ tensors: [CardTensor]) -> String? {
        CardTensor.difference(tensors, Self.specs, kind: "input")
    }

    private let x = CardTensor(name: "x", datatype: "FP32", shape: [-1])
    private let any = CardTensor(name: "any", datatype: "FP32", shape: nil)

    @Test("a card need not name optional inputs, nor say that they are")
    func optional() {
        #expect(difference([any, x]) == nil)
        for isOptional in [nil, true] {
            let scale = CardTensor(
                name: "scale",
                datatype: "FP32",
                shape: [1],
                isOptional: isOptional
            )
            #expect(difference([x, any, scale]) == nil)
        }
        #expect(difference([x]) == "the card lacks input 'any' of the model: FP32 of any shape")
    }

    @Test("a card that says that an input is optional, or is not, has to be right")
    func wrongOptional() {
        let scale = CardTensor(name: "scale", datatype: "FP32", shape: [1], isOptional: false)
        #expect(
            difference([x, any, scale])
                == "input 'scale' is FP32 [1], optional in the model and FP32 [1] in the card"
        )
        let required = CardTensor(name: "x", datatype: "FP32", shape: [-1], isOptional: true)
        #expect(
            difference([required, any])
                == "input 'x' is FP32 [-1] in the model and FP32 [-1], optional in the card"
        )
    }

    @Test("any shape is another one than every other")
    func anyShape() {
        let wrong = CardTensor(name: "x", datatype: "FP32", shape: nil)
        #expect(
            difference([wrong, any])
                == "input 'x' is FP32 [-1] in the model and FP32 of any shape in the card"
        )
        let fixed = CardTensor(name: "any", datatype: "FP32", shape: [2])
        #expect(difference([x, fixed])?.contains("FP32 of any shape in the model") == true)
        // As cards said it before there was a word for it.
        #expect(difference([x, CardTensor(name: "any", datatype: "FP32", shape: [])]) == nil)
    }
}
