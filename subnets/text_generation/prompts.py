"""Prompts that look like people's, drawn from a public seed so that anyone can repeat a validator's step.

Templates are filled with words, opened and closed in different ways. What a miner sees is a conversation like
any other; only the signature says that a validator asks.
"""

from meritnet.subnets.draws import Draws
from meritnet.subnets.text_generation.messages import Message

SUBJECTS = (
    "a bicycle chain", "the tides", "sourdough bread", "a hash table", "the water cycle",
    "compound interest", "a sundial", "photosynthesis", "the violin", "a lighthouse", "binary search",
    "the Roman calendar", "soap", "a heat pump", "plate tectonics", "a sonnet", "the printing press",
    "vaccines", "a suspension bridge", "public key cryptography", "the northern lights", "a sewing machine",
    "chess openings", "composting", "lightning", "a telescope", "the metric system", "honey bees",
    "an aqueduct", "recursion", "tea", "a barometer", "migration", "glass", "the stock exchange",
    "a steam engine", "rainbows", "a violin concerto", "echoes", "a canal lock",
)  # fmt: skip
AUDIENCES = (
    "a child of eight", "a new colleague", "my grandmother", "a visitor from abroad", "a curious engineer",
    "a school class", "someone in a hurry", "a sceptical friend", "a beginner", "the readers of a newsletter",
)  # fmt: skip
PLACES = (
    "a small harbour town", "a night train", "a library in winter", "a market square", "an old observatory",
    "a mountain hut", "a ferry at dawn", "a quiet office", "a greenhouse", "a repair shop",
)  # fmt: skip
TASKS = (
    "Explain {subject} to {audience}.",
    "Write three sentences about {subject} for {audience}.",
    "What do most people get wrong about {subject}? Answer for {audience}.",
    "I have to give a short talk on {subject}. How should I begin?",
    "Compare {subject} and {other}.",
    "Write the opening of a story set in {place} in which {subject} matters.",
    "Give me a list of questions that {audience} might ask about {subject}.",
    "How is {subject} connected with {other}?",
    "Draft a friendly note to {audience} about {subject}.",
    "Describe {place} without naming it, then mention {subject}.",
    "Is {subject} more useful than {other}? Give one reason.",
    "Make up a riddle whose answer is {subject}.",
)
FOLLOW_UPS = (
    "Say that again in plainer words.",
    "Can you give an example?",
    "And why does that matter?",
    "Make it shorter, please.",
    "What would {audience} say to that?",
)
OPENERS = ("", "", "", "Hi! ", "Quick question. ", "Please help me. ", "Hello there. ", "One more thing: ")
CLOSERS = (
    "", "", "", " Two sentences are enough.", " Keep it friendly.", " Use plain words.", " Be precise.",
    " Start with the most important point.",
)  # fmt: skip
SYSTEMS = (
    "You are a patient teacher.",
    "You are a helpful assistant who answers briefly.",
    "You write clear, warm English.",
)
TEMPERATURES = (0.5, 0.7, 0.8, 1.0)


def conversation(draws: Draws) -> tuple[Message, ...]:
    """Draw a conversation of one or three turns, some with a system message."""
    subject, other = draws.sample(SUBJECTS, 2)
    words = {
        "subject": subject,
        "other": other,
        "audience": draws.pick(AUDIENCES),
        "place": draws.pick(PLACES),
    }
    question = draws.pick(OPENERS) + draws.pick(TASKS).format(**words) + draws.pick(CLOSERS)
    messages = [Message(role="user", content=question)]
    if draws.below(4) == 0:
        messages.append(Message(role="assistant", content=f"Let us think about {subject}, and then {other}."))
        messages.append(Message(role="user", content=draws.pick(FOLLOW_UPS).format(**words)))
    if draws.below(3) == 0:
        messages.insert(0, Message(role="system", content=draws.pick(SYSTEMS)))
    return tuple(messages)
