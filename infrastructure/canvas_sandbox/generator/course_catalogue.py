"""The courses that a school offers: for each its code, its topics, and the forms of its work."""

from typing import NamedTuple

HOMEWORK, EXAMS, PROJECTS, PARTICIPATION = range(4)
"""Indices of the assignment groups in GROUP_NAMES."""

Form = tuple[str, int]
"""What a piece of work is, and the index of its assignment group."""


class CatalogueCourse(NamedTuple):
    """A course of the catalogue; its work goes through `forms` and `topics` in turn."""

    name: str
    code: str
    forms: tuple[Form, ...]
    topics: tuple[str, ...]


FORMS_BY_SUBMISSION_TYPE: dict[str, Form] = {
    "online_quiz": ("Quiz", EXAMS),
    "discussion_topic": ("Discussion", PARTICIPATION),
    "on_paper": ("Exam on paper", EXAMS),
    "external_tool": ("Online practice", HOMEWORK),
    "not_graded": ("Preparation", PARTICIPATION),
    "wiki_page": ("Reading", HOMEWORK),
    "none": ("Attendance", PARTICIPATION),
}
"""Forms that the way of handing in decides, in every course."""

MATHEMATICS: tuple[Form, ...] = (
    ("Problem set", HOMEWORK),
    ("Worksheet", HOMEWORK),
    ("Midterm practice", EXAMS),
    ("Group project", PROJECTS),
)
SCIENCE: tuple[Form, ...] = (
    ("Lab report", PROJECTS),
    ("Problem set", HOMEWORK),
    ("Pre-lab questions", PARTICIPATION),
    ("Test", EXAMS),
)
HUMANITIES: tuple[Form, ...] = (
    ("Reading response", HOMEWORK),
    ("Essay", PROJECTS),
    ("Source analysis", HOMEWORK),
    ("Test", EXAMS),
)
COMPUTING: tuple[Form, ...] = (
    ("Programming exercise", HOMEWORK),
    ("Lab", PROJECTS),
    ("Code review", PARTICIPATION),
    ("Test", EXAMS),
)

CATALOGUE = (
    CatalogueCourse(
        "Calculus I",
        "MATH-151",
        MATHEMATICS,
        (
            *("Limits", "Continuity", "The derivative", "Product & quotient rule", "Chain rule"),
            *("Implicit differentiation", "Related rates", "Curve sketching", "Optimisation"),
            *("Antiderivatives", "Riemann sums", "The fundamental theorem", "Substitution"),
        ),
    ),
    CatalogueCourse(
        "Modern World History",
        "HIST-102",
        HUMANITIES,
        (
            *("The French Revolution", "The Congress of Vienna", "Industrialisation"),
            *("1848", "The scramble for Africa", "The Meiji Restoration", "The July Crisis"),
            *("Versailles", "The Great Depression", "Decolonisation", "The Cold War"),
            *("The fall of the Wall", "Globalisation"),
        ),
    ),
    CatalogueCourse(
        "Organic Chemistry & Lab",
        "CHEM-231",
        SCIENCE,
        (
            *("Bonding & structure", "Alkanes", "Stereochemistry", "SN1 & SN2", "Elimination"),
            *("Alkenes", "Alcohols", "Ethers & epoxides", "Infrared spectroscopy", "NMR"),
            *("Aromaticity", "Carbonyl compounds", "Amines"),
        ),
    ),
    CatalogueCourse(
        "Deutsch für Fortgeschrittene",
        "GERM-301",
        (
            ("Übung", HOMEWORK),
            ("Aufsatz", PROJECTS),
            ("Hörverstehen", PARTICIPATION),
            ("Test", EXAMS),
        ),
        (
            *("Konjunktiv II", "Passiv", "Relativsätze", "Nominalstil", "Konnektoren"),
            *("Fünf Präpositionen mit Genitiv", "Indirekte Rede", "Kafka: Vor dem Gesetz"),
            *("Böll: Ansichten", "Straßendeutsch", "Nachrichten verstehen", "Bewerbung"),
        ),
    ),
    CatalogueCourse(
        "Introduction to Ethics",
        "PHIL-110",
        HUMANITIES,
        (
            *("Plato's Euthyphro", "Aristotle on virtue", "Hobbes", "Hume on sympathy"),
            *("Kant's categorical imperative", "Mill's utilitarianism", "Rawls & Nozick"),
            *("Moral relativism", "Animal ethics", "Duties to the future", "Trolley problems"),
            "Care ethics",
        ),
    ),
    CatalogueCourse(
        "Data Structures in C++",
        "CSCI-201",
        COMPUTING,
        (
            *("Pointers & references", "std::vector<int>", "Linked lists", "Stacks and queues"),
            *("Recursion", "Binary search trees", "Balanced trees", "Hash tables", "Heaps"),
            *("Graphs: BFS & DFS", "Sorting", "Templates <typename T>"),
        ),
    ),
    CatalogueCourse(
        "日本語 II",
        "JAPN-102",
        (("宿題", HOMEWORK), ("作文", PROJECTS), ("会話", PARTICIPATION), ("小テスト", EXAMS)),
        (
            *("て形", "漢字 1–20", "道案内", "家族", "形容詞", "買い物", "漢字 21–40"),
            *("天気", "趣味", "旅行", "敬語", "手紙"),
        ),
    ),
    CatalogueCourse(
        "Physics: Mechanics and Waves",
        "PHYS-151",
        SCIENCE,
        (
            *("Vectors", "Kinematics", "Newton's laws", "Friction", "Work & energy", "Momentum"),
            *("Rotation", "Torque", "Gravitation", "Oscillations", "Waves", "Sound"),
        ),
    ),
    CatalogueCourse(
        "Literatura española",
        "SPAN-330",
        (
            ("Comentario de texto", HOMEWORK),
            ("Ensayo", PROJECTS),
            ("Presentación", PARTICIPATION),
            ("Examen", EXAMS),
        ),
        (
            *("El Cid", "La Celestina", "Lazarillo de Tormes", "Garcilaso", "Don Quijote I"),
            *("Don Quijote II", "Sor Juana Inés", "Bécquer", "Generación del 98", "Lorca"),
            *("Carmen Laforet", "Javier Marías"),
        ),
    ),
    CatalogueCourse(
        "Microeconomics",
        "ECON-101",
        MATHEMATICS,
        (
            *("Supply & demand", "Elasticity", "Consumer choice", "Costs", "Perfect competition"),
            *("Monopoly", "Oligopoly", "Game theory", "Externalities", "Public goods"),
            *("Labour markets", "Inequality"),
        ),
    ),
    CatalogueCourse(
        "Основы программирования",
        "CSCI-110",
        (
            ("Задание", HOMEWORK),
            ("Проект", PROJECTS),
            ("Обсуждение", PARTICIPATION),
            ("Тест", EXAMS),
        ),
        (
            *("Переменные", "Условия", "Циклы", "Функции", "Списки", "Словари", "Файлы"),
            *("Исключения", "Классы", "Рекурсия", "Отладка", "Тестирование"),
        ),
    ),
    CatalogueCourse(
        "Art History: Renaissance to Baroque",
        "ARTH-210",
        HUMANITIES,
        (
            *("Giotto", "Brunelleschi's dome", "Botticelli", "Leonardo", "Raphael's Stanze"),
            *("Michelangelo", "Dürer", "Titian", "Caravaggio", "Artemisia Gentileschi"),
            *("Bernini", "Velázquez"),
        ),
    ),
    CatalogueCourse(
        "Introductory Statistics",
        "STAT-101",
        MATHEMATICS,
        (
            *("Describing data", "Probability", "Random variables", "The normal distribution"),
            *("Sampling", "Confidence intervals", "Hypothesis tests", "t-tests", "χ² tests"),
            *("Correlation", "Linear regression", "ANOVA"),
        ),
    ),
    CatalogueCourse(
        "علم الأحياء",
        "BIOL-101",
        (
            ("واجب", HOMEWORK),
            ("تقرير مختبر", PROJECTS),
            ("مناقشة", PARTICIPATION),
            ("اختبار", EXAMS),
        ),
        (
            *("الخلية", "الأغشية", "الإنزيمات", "التنفس الخلوي", "البناء الضوئي"),
            *("انقسام الخلية", "الوراثة", "الحمض النووي", "التطور", "النباتات", "الحيوانات"),
            "البيئة",
        ),
    ),
    CatalogueCourse(
        "Music Theory I",
        "MUSC-110",
        (
            ("Exercise", HOMEWORK),
            ("Composition", PROJECTS),
            ("Ear training", PARTICIPATION),
            ("Test", EXAMS),
        ),
        (
            *("Intervals", "Scales", "Key signatures", "Triads", "Seventh chords", "Voice leading"),
            *("Cadences", "Non-chord tones", "Modulation", "Sonata form", "Fugue", "Counterpoint"),
        ),
    ),
    CatalogueCourse(
        "Linear Algebra I",
        "MATH-201",
        MATHEMATICS,
        (
            *("Systems of equations", "Gaussian elimination", "Matrices", "Inverses"),
            *("Determinants", "Vector spaces", "Bases & dimension", "Linear maps", "Rank"),
            *("Eigenvalues", "Diagonalisation", "Orthogonality"),
        ),
    ),
)

_COURSE_BY_CODE = {course.code: course for course in CATALOGUE}


def choose_course(index: int, seed: int) -> CatalogueCourse:
    """Choose the course with this index; the seed decides which one is the first.

    From the end of the catalogue on, courses are other sections of earlier ones.
    """
    section, place = divmod(index, len(CATALOGUE))
    course = CATALOGUE[(place + seed - 1) % len(CATALOGUE)]
    if not section:
        return course
    return course._replace(name=f"{course.name} (section {section + 1})")


def work_of(code: str, number: int, submission_type: str) -> tuple[str, int]:
    """Return the name of a piece of work and the index of its group.

    The course is given by its code, the work by its number from 0.
    """
    course = _COURSE_BY_CODE[code]
    form, group = FORMS_BY_SUBMISSION_TYPE.get(
        submission_type, course.forms[number % len(course.forms)]
    )
    round_, place = divmod(number, len(course.topics))
    return f"{form}: {course.topics[place]}{f', part {round_ + 1}' if round_ else ''}", group
